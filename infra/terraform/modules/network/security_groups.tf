# Every security group of the environment, in one place: services need the cache's and the cache the services'.

locals {
  outbound = var.outbound ? { webhooks = "What delivers webhooks: nobody comes in, and it reaches the internet" } : {}
  groups = merge(local.outbound, {
    alb       = "Load balancer: HTTPS from outside, the API behind it"
    api       = "API: from the load balancer only"
    worker    = "Workers: nobody comes in"
    cache     = "Valkey: from tasks only"
    endpoints = "VPC endpoints: from tasks only"
  })
  tasks = toset(concat(["api", "worker"], keys(local.outbound)))
}

resource "aws_security_group" "this" {
  for_each = local.groups
  # checkov:skip=CKV2_AWS_5: attached by the modules that use it

  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "alb_https" {
  for_each = toset(var.client_cidrs)

  security_group_id = aws_security_group.this["alb"].id
  description       = "HTTPS from clients"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "alb_http" {
  for_each = toset(var.client_cidrs)
  # checkov:skip=CKV_AWS_260: port 80 does nothing but lead to HTTPS

  security_group_id = aws_security_group.this["alb"].id
  description       = "HTTP, to be redirected"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

resource "aws_vpc_security_group_egress_rule" "alb_to_api" {
  security_group_id            = aws_security_group.this["alb"].id
  description                  = "To the API"
  referenced_security_group_id = aws_security_group.this["api"].id
  ip_protocol                  = "tcp"
  from_port                    = var.api_port
  to_port                      = var.api_port
}

resource "aws_vpc_security_group_ingress_rule" "api_from_alb" {
  security_group_id            = aws_security_group.this["api"].id
  description                  = "From the load balancer"
  referenced_security_group_id = aws_security_group.this["alb"].id
  ip_protocol                  = "tcp"
  from_port                    = var.api_port
  to_port                      = var.api_port
}

resource "aws_vpc_security_group_egress_rule" "task_to_cache" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this[each.key].id
  description                  = "To Valkey"
  referenced_security_group_id = aws_security_group.this["cache"].id
  ip_protocol                  = "tcp"
  from_port                    = var.cache_port
  to_port                      = var.cache_port
}

resource "aws_vpc_security_group_ingress_rule" "cache_from_task" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this["cache"].id
  description                  = "From ${each.key}"
  referenced_security_group_id = aws_security_group.this[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = var.cache_port
  to_port                      = var.cache_port
}

resource "aws_vpc_security_group_egress_rule" "task_to_s3" {
  for_each = local.tasks

  security_group_id = aws_security_group.this[each.key].id
  description       = "To S3 through its gateway"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "task_to_endpoints" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this[each.key].id
  description                  = "To AWS through the endpoints"
  referenced_security_group_id = aws_security_group.this["endpoints"].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_task" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this["endpoints"].id
  description                  = "From ${each.key}"
  referenced_security_group_id = aws_security_group.this[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "task_to_internet" {
  for_each = var.egress == "nat" ? toset(["api", "worker"]) : toset([])

  security_group_id = aws_security_group.this[each.key].id
  description       = "To AWS and whatever else speaks HTTPS, through NAT"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# The ports that a webhook may name.
resource "aws_vpc_security_group_egress_rule" "outbound" {
  for_each = { for pair in setproduct(keys(local.outbound), ["443", "1024-65535"]) : join("-", pair) => { group = pair[0], ports = split("-", pair[1]) } }

  security_group_id = aws_security_group.this[each.value.group].id
  description       = "To receivers of webhooks, through NAT"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value.ports[0])
  to_port           = tonumber(reverse(each.value.ports)[0])
}
