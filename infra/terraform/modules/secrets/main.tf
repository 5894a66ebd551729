# Secrets that the application proves something with, made once and then left alone.

data "aws_secretsmanager_random_password" "this" {
  for_each = toset(keys(var.secrets))

  password_length     = 48
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "this" {
  for_each = var.secrets
  # checkov:skip=CKV2_AWS_57: replaced by docs/runbooks/rotate-secrets.md; every process reads its secrets at start only

  name                    = "${var.name}/${each.key}"
  description             = each.value.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = var.secrets

  secret_id     = aws_secretsmanager_secret.this[each.key].id
  secret_string = "${each.value.prefix}${data.aws_secretsmanager_random_password.this[each.key].random_password}"

  lifecycle {
    # The data source answers with another value each time, and people may set one of their own.
    ignore_changes = [secret_string]
  }
}
