# What has to be there before an environment: the bucket of the states, the image repositories, the roles of CI.
# Run once for an account, by a person; its own state is a local file.

data "aws_caller_identity" "current" {}

locals {
  name = "${var.application}-ci"
}

module "kms" {
  source = "../modules/kms"

  name   = local.name
  region = var.region
}

module "registry" {
  source = "../modules/registry"

  name               = var.application
  kms_key_arn        = module.kms.key_arn
  reader_account_ids = var.reader_account_ids
  force_delete       = !var.protect
}

module "ci_oidc" {
  source = "../modules/ci_oidc"

  name             = local.name
  application      = var.application
  repository       = var.repository
  repository_arns  = module.registry.repository_arns
  state_bucket_arn = aws_s3_bucket.state.arn
  state_key_arn    = module.kms.key_arn
}
