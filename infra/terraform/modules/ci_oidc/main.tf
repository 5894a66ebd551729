# Roles that GitHub's workflows of one repository take on without a stored key: push images, plan, apply.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  issuer = "token.actions.githubusercontent.com"

  # Who may take on which role: GitHub signs what the workflow runs for.
  push_subjects  = ["repo:${var.repository}:ref:refs/heads/main", "repo:${var.repository}:ref:refs/tags/v*"]
  plan_subjects  = ["repo:${var.repository}:pull_request"]
  apply_subjects = { for environment in var.environments : environment => ["repo:${var.repository}:environment:${environment}"] }

  arn = "arn:${data.aws_partition.current.partition}"
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = merge(
    { push = local.push_subjects, plan = local.plan_subjects },
    { for environment, subjects in local.apply_subjects : "apply-${environment}" => subjects },
  )

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values   = each.value
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = data.aws_iam_policy_document.trust

  name               = "${var.name}-${each.key}"
  description        = "GitHub workflows of ${var.repository}: ${each.key}"
  assume_role_policy = each.value.json
}

resource "aws_iam_role_policy" "push" {
  name   = "push"
  role   = aws_iam_role.this["push"].id
  policy = data.aws_iam_policy_document.push.json
}

data "aws_iam_policy_document" "push" {
  statement {
    sid       = "LogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid = "Push"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = var.repository_arns
  }
}
