# The token, and the URL that holds it: what the application reads as ROWCALL_REDIS_URL or ROWCALL_BROKER_URL.

data "aws_secretsmanager_random_password" "token" {
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "this" {
  for_each = {
    token = "AUTH token of ${var.name}"
    url   = "URL of ${var.name} with its token"
  }
  # checkov:skip=CKV2_AWS_57: replaced by docs/runbooks/rotate-secrets.md; every process reads its secrets at start only

  name                    = "${var.secret_prefix}/${each.key}"
  description             = each.value
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
}

# The token is in the state too, because the provider has no write-only form of it: the state is encrypted.
resource "aws_secretsmanager_secret_version" "token" {
  secret_id     = aws_secretsmanager_secret.this["token"].id
  secret_string = data.aws_secretsmanager_random_password.token.random_password

  lifecycle {
    # The data source answers with another value each time; `terraform apply -replace` of this resource rotates.
    ignore_changes = [secret_string]
  }
}

resource "aws_secretsmanager_secret_version" "url" {
  secret_id = aws_secretsmanager_secret.this["url"].id
  secret_string = format(
    "rediss://:%s@%s:%d/0",
    aws_secretsmanager_secret_version.token.secret_string,
    aws_elasticache_replication_group.this.primary_endpoint_address,
    var.port,
  )
}
