terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }

  # bootstrap/ makes the bucket; `terraform init -backend-config=bucket=… -backend-config=region=…` names it.
  backend "s3" {
    key          = "dev.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Application = "rowcall"
      Environment = "dev"
      ManagedBy   = "terraform"
      Owner       = var.owner
      CostCenter  = var.cost_center
      DataClass   = "confidential"
    }
  }
}
