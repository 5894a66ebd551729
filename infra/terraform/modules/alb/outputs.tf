output "arn" {
  description = "ARN of the load balancer."
  value       = aws_lb.this.arn
}

output "arn_suffix" {
  description = "Name of the load balancer, as metrics know it."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn" {
  description = "ARN of the API's target group, once a listener leads to it."
  value       = aws_lb_listener.https.default_action[0].target_group_arn
}

output "target_group_arn_suffix" {
  description = "Name of the API's target group, as metrics know it."
  value       = aws_lb_target_group.api.arn_suffix
}

output "url" {
  description = "Where clients find the API."
  value       = "https://${aws_route53_record.this.name}"
}
