output "bucket" {
  description = "Name of the bucket of uploads and results."
  value       = aws_s3_bucket.files.id
}

output "bucket_arn" {
  description = "ARN of the bucket of uploads and results."
  value       = aws_s3_bucket.files.arn
}

output "logs_bucket" {
  description = "Name of the bucket of access logs, once load balancers may write to it."
  value       = aws_s3_bucket_policy.logs.bucket
}
