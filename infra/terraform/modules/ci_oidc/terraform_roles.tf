# What `terraform plan` and `terraform apply` of an environment call, action by action (actions.tf).
# A test applies an environment, records what was called, and fails when a role lacks an action.

locals {
  account = data.aws_caller_identity.current.account_id

  # Services whose names begin with the application's and the environment's; the others know no names, or only ids.
  # Reading is allowed for all environments, writing for the role's own.
  name_prefixes = merge(
    { read = "${var.application}-" },
    { for environment in var.environments : environment => "${var.application}-${environment}-" },
  )
  scopes = {
    for who, prefix in local.name_prefixes : who => {
      iam            = ["${local.arn}:iam::${local.account}:role/${prefix}*"]
      s3             = ["${local.arn}:s3:::${prefix}*", "${local.arn}:s3:::${prefix}*/*"]
      secretsmanager = ["${local.arn}:secretsmanager:*:${local.account}:secret:${trimsuffix(prefix, "-")}*"]
      sns            = ["${local.arn}:sns:*:${local.account}:${prefix}*"]
      sqs            = ["${local.arn}:sqs:*:${local.account}:${prefix}*"]
    }
  }

  # One policy each, because a policy has 6,144 characters at most.
  groups = {
    network  = ["acm", "ec2", "elasticloadbalancing", "route53", "wafv2"]
    data     = ["elasticache", "kms", "s3", "secretsmanager", "sqs"]
    services = ["application-autoscaling", "ecs", "iam"]
    watch    = ["cloudwatch", "events", "logs", "sns"]
  }
}

data "aws_iam_policy_document" "read" {
  for_each = local.groups

  dynamic "statement" {
    for_each = { for service in each.value : service => local.read_actions[service] }

    content {
      sid       = replace(title(replace(statement.key, "-", " ")), " ", "")
      actions   = [for action in statement.value : "${statement.key}:${action}"]
      resources = lookup(local.scopes.read, statement.key, ["*"])
    }
  }
}

data "aws_iam_policy_document" "write" {
  for_each = {
    for pair in setproduct(var.environments, keys(local.groups)) :
    "${pair[0]}-${pair[1]}" => { environment = pair[0], group = pair[1] }
  }

  dynamic "statement" {
    for_each = { for service in local.groups[each.value.group] : service => local.write_actions[service] }

    content {
      sid       = replace(title(replace(statement.key, "-", " ")), " ", "")
      actions   = [for action in statement.value : "${statement.key}:${action}"]
      resources = lookup(local.scopes[each.value.environment], statement.key, ["*"])
    }
  }
}

# Asked about things that have no name yet, or of services as a whole.
data "aws_iam_policy_document" "look_up" {
  statement {
    sid       = "LookUp"
    actions   = ["secretsmanager:GetRandomPassword", "sts:GetCallerIdentity"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "state" {
  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject"]
    resources = ["${var.state_bucket_arn}/*"]
  }

  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [var.state_bucket_arn]
  }

  statement {
    sid       = "DecryptState"
    actions   = ["kms:Decrypt"]
    resources = [var.state_key_arn]
  }
}

# `plan` runs with -lock=false, so that whoever opens a pull request can write nothing at all.
data "aws_iam_policy_document" "write_state" {
  for_each = toset(var.environments)

  statement {
    sid       = "WriteState"
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = ["${var.state_bucket_arn}/${each.key}.tfstate", "${var.state_bucket_arn}/${each.key}.tfstate.tflock"]
  }

  statement {
    sid       = "EncryptState"
    actions   = ["kms:GenerateDataKey"]
    resources = [var.state_key_arn]
  }

  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = local.scopes[each.key].iam
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com"]
    }
  }

  # The first load balancer, cluster, cache and scaling target of an account make these roles.
  statement {
    sid       = "ServiceLinkedRoles"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["${local.arn}:iam::${data.aws_caller_identity.current.account_id}:role/aws-service-role/*"]
    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values = [
        "ecs.amazonaws.com",
        "ecs.application-autoscaling.amazonaws.com",
        "elasticache.amazonaws.com",
        "elasticloadbalancing.amazonaws.com",
        "wafv2.amazonaws.com",
      ]
    }
  }
}

resource "aws_iam_policy" "read" {
  for_each = data.aws_iam_policy_document.read

  name        = "${var.name}-read-${each.key}"
  description = "What Terraform reads: ${join(", ", local.groups[each.key])}"
  policy      = each.value.json
}

resource "aws_iam_policy" "write" {
  for_each = data.aws_iam_policy_document.write

  name        = "${var.name}-write-${each.key}"
  description = "What Terraform writes: ${each.key}"
  policy      = each.value.json
}

locals {
  readers = toset(concat(["plan"], [for environment in var.environments : "apply-${environment}"]))
}

resource "aws_iam_role_policy_attachment" "read" {
  for_each = { for pair in setproduct(local.readers, keys(local.groups)) : "${pair[0]}/${pair[1]}" => { role = pair[0], group = pair[1] } }

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.read[each.value.group].arn
}

resource "aws_iam_role_policy_attachment" "write" {
  for_each = {
    for pair in setproduct(var.environments, keys(local.groups)) :
    "${pair[0]}-${pair[1]}" => "apply-${pair[0]}"
  }

  role       = aws_iam_role.this[each.value].name
  policy_arn = aws_iam_policy.write[each.key].arn
}

data "aws_iam_policy_document" "reader" {
  source_policy_documents = [data.aws_iam_policy_document.state.json, data.aws_iam_policy_document.look_up.json]
}

resource "aws_iam_role_policy" "reader" {
  for_each = local.readers

  name   = "read-state"
  role   = aws_iam_role.this[each.key].id
  policy = data.aws_iam_policy_document.reader.json
}

resource "aws_iam_role_policy" "writer" {
  for_each = toset(var.environments)

  name   = "write-state"
  role   = aws_iam_role.this["apply-${each.key}"].id
  policy = data.aws_iam_policy_document.write_state[each.key].json
}
