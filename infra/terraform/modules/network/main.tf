# A VPC with three tiers in each availability zone: public (load balancer), private (tasks), data (cache; no way out);
# and a fourth, outbound, where some tasks must reach the internet and the others need not.

locals {
  zones = { for index, zone in var.availability_zones : zone => index }

  outbound_zones = var.outbound ? local.zones : {}

  # Most tasks talk to AWS alone, so the way out is a NAT gateway only where it is asked for.
  nat_zones = var.egress == "nat" || var.outbound ? (
    var.single_nat ? { (var.availability_zones[0]) = 0 } : local.zones
  ) : {}
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# Without rules: whatever forgets to name a security group reaches nothing.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = var.name }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 4, each.value)

  tags = { Name = "${var.name}-private-${each.key}", Tier = "private" }
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 8, 96 + each.value)

  tags = { Name = "${var.name}-public-${each.key}", Tier = "public" }
}

resource "aws_subnet" "data" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 8, 112 + each.value)

  tags = { Name = "${var.name}-data-${each.key}", Tier = "data" }
}

resource "aws_subnet" "outbound" {
  for_each = local.outbound_zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 8, 104 + each.value)

  tags = { Name = "${var.name}-outbound-${each.key}", Tier = "outbound" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

# One table for each zone, so that a NAT gateway that is lost takes one zone's way out with it and no other's.
resource "aws_route_table" "private" {
  for_each = local.zones

  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[each.key].id
}

resource "aws_route_table" "data" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-data" }
}

resource "aws_route_table_association" "data" {
  for_each = aws_subnet.data

  subnet_id      = each.value.id
  route_table_id = aws_route_table.data.id
}

resource "aws_route_table" "outbound" {
  for_each = local.outbound_zones

  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-outbound-${each.key}" }
}

resource "aws_route_table_association" "outbound" {
  for_each = aws_subnet.outbound

  subnet_id      = each.value.id
  route_table_id = aws_route_table.outbound[each.key].id
}

resource "aws_eip" "nat" {
  for_each = local.nat_zones
  # checkov:skip=CKV2_AWS_19: it belongs to a NAT gateway

  domain = "vpc"

  tags = { Name = "${var.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each = local.nat_zones

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = "${var.name}-${each.key}" }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route" "nat" {
  for_each = var.egress == "nat" ? local.zones : {}

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[var.single_nat ? var.availability_zones[0] : each.key].id
}

resource "aws_route" "outbound" {
  for_each = local.outbound_zones

  route_table_id         = aws_route_table.outbound[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[var.single_nat ? var.availability_zones[0] : each.key].id
}
