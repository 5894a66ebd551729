output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Subnets of the load balancer, one in each zone."
  value       = [for subnet in aws_subnet.public : subnet.id]
}

output "private_subnet_ids" {
  description = "Subnets of the tasks, one in each zone."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "outbound_subnet_ids" {
  description = "Subnets of the tasks that must reach the internet, one in each zone; none unless asked for."
  value       = [for subnet in aws_subnet.outbound : subnet.id]
}

output "data_subnet_ids" {
  description = "Subnets of the cache, one in each zone."
  value       = [for subnet in aws_subnet.data : subnet.id]
}

output "security_group_ids" {
  description = "Security groups by who wears them: alb, api, worker, webhooks where asked for, cache, endpoints."
  value       = { for name, group in aws_security_group.this : name => group.id }
}
