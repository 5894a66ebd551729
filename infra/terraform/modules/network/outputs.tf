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

output "data_subnet_ids" {
  description = "Subnets of the cache, one in each zone."
  value       = [for subnet in aws_subnet.data : subnet.id]
}

output "security_group_ids" {
  description = "Security groups by who wears them: alb, api, worker, cache, endpoints."
  value       = { for name, group in aws_security_group.this : name => group.id }
}
