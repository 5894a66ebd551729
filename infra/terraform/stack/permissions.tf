# What the application may do, as docs/how-to/run-on-sqs.md lists it for the queues.

locals {
  queue_arns = [for queue in module.queue : queue.arn]
}

data "aws_iam_policy_document" "files" {
  statement {
    sid       = "Files"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${module.storage.bucket_arn}/files/*"]
  }

  # Of the whole bucket, which holds nothing else: with a condition on the prefix, S3 would answer 403 and not 404
  # for a file that is missing.
  statement {
    sid       = "ListFiles"
    actions   = ["s3:ListBucket"]
    resources = [module.storage.bucket_arn]
  }

  statement {
    sid       = "EncryptFilesAndMessages"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.kms.key_arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com", "sqs.${var.region}.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = length(var.input_buckets) > 0 ? [var.input_buckets] : []

    content {
      sid       = "ReadInputs"
      actions   = ["s3:GetObject"]
      resources = [for bucket in statement.value : "arn:${data.aws_partition.current.partition}:s3:::${bucket}/*"]
    }
  }
}

data "aws_iam_policy_document" "api" {
  source_policy_documents = [data.aws_iam_policy_document.files.json]

  dynamic "statement" {
    for_each = local.is_on_sqs ? [local.queue_arns] : []

    content {
      sid       = "SendMessages"
      actions   = ["sqs:GetQueueAttributes", "sqs:SendMessage"]
      resources = statement.value
    }
  }
}

data "aws_iam_policy_document" "worker" {
  source_policy_documents = [data.aws_iam_policy_document.files.json]

  # A worker sends too: what the sweeper sends again, and the chunks of files.
  dynamic "statement" {
    for_each = local.is_on_sqs ? [local.queue_arns] : []

    content {
      sid       = "WorkOnMessages"
      actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
      resources = statement.value
    }
  }

  # A worker in the middle of a file asks not to be taken away.
  statement {
    sid       = "ProtectItself"
    actions   = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
    resources = ["arn:${data.aws_partition.current.partition}:ecs:${var.region}:${data.aws_caller_identity.current.account_id}:task/${local.name}/*"]
  }
}
