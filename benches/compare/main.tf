# The rig of the comparison, as Terraform describes it: the same resources that loadrig makes
# for an environment of one proxy and the other hosts application nodes.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" { type = string }
variable "hosts" { type = number }
variable "database" { type = bool }
variable "image" { type = string }
variable "public_key" { type = string }

locals {
  name   = "bench"
  zones  = ["us-east-1a", "us-east-1b"]
  groups = ["proxy", "app", "database"]
  rules = {
    "proxy-ssh"    = { group = "proxy", port = 22, cidr = "203.0.113.7/32", peer = null }
    "proxy-http"   = { group = "proxy", port = 80, cidr = "203.0.113.7/32", peer = null }
    "app-ssh"      = { group = "app", port = 22, cidr = "203.0.113.7/32", peer = null }
    "app-http"     = { group = "app", port = 8065, cidr = null, peer = "proxy" }
    "app-gossip"   = { group = "app", port = 8074, cidr = null, peer = "app" }
    "database-app" = { group = "database", port = 5432, cidr = null, peer = "app" }
  }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "AKIABENCHBENCHBENCH"
  secret_key                  = "secret-of-the-bench"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  default_tags { tags = { "bench:environment" = local.name } }
  endpoints {
    ec2 = var.endpoint
    iam = var.endpoint
    rds = var.endpoint
    s3  = var.endpoint
    ssm = var.endpoint
    sts = var.endpoint
  }
}

resource "aws_vpc" "rig" {
  cidr_block           = "10.42.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_internet_gateway" "rig" { vpc_id = aws_vpc.rig.id }

resource "aws_subnet" "public" {
  count                   = 2
  vpc_id                  = aws_vpc.rig.id
  availability_zone       = local.zones[count.index]
  cidr_block              = cidrsubnet(aws_vpc.rig.cidr_block, 4, count.index)
  map_public_ip_on_launch = true
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.rig.id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(aws_vpc.rig.cidr_block, 4, 8 + count.index)
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.rig.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.rig.id
  }
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "group" {
  for_each = toset(local.groups)
  name     = "${local.name}-${each.key}"
  vpc_id   = aws_vpc.rig.id
}

resource "aws_vpc_security_group_ingress_rule" "rule" {
  for_each                     = local.rules
  security_group_id            = aws_security_group.group[each.value.group].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  cidr_ipv4                    = each.value.cidr
  referenced_security_group_id = each.value.peer == null ? null : aws_security_group.group[each.value.peer].id
}

resource "aws_ssm_parameter" "seed" {
  name  = "/bench/seed"
  type  = "SecureString"
  value = "c2VlZCBvZiB0aGUgYmVuY2g="
}

resource "aws_key_pair" "rig" {
  key_name   = local.name
  public_key = var.public_key
}

resource "aws_s3_bucket" "files" {
  bucket        = "bench-files-compare"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "files" {
  bucket                  = aws_s3_bucket.files.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "files" {
  bucket = aws_s3_bucket.files.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}

resource "aws_iam_role" "host" {
  name = "${local.name}-host"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "host" {
  role = aws_iam_role.host.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = "${aws_s3_bucket.files.arn}/*" }]
  })
}

resource "aws_iam_instance_profile" "host" {
  name = "${local.name}-host"
  role = aws_iam_role.host.name
}

resource "aws_instance" "host" {
  count                       = var.hosts
  ami                         = var.image
  instance_type               = count.index == 0 ? "c7i.xlarge" : "c7i.large"
  subnet_id                   = aws_subnet.public[count.index % 2].id
  key_name                    = aws_key_pair.rig.key_name
  iam_instance_profile        = aws_iam_instance_profile.host.name
  vpc_security_group_ids      = [aws_security_group.group[count.index == 0 ? "proxy" : "app"].id]
  root_block_device {
    volume_type = "gp3"
    volume_size = 50
    encrypted   = true
  }
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  tags = { Name = "bench-host-${count.index}" }
}

resource "aws_db_subnet_group" "rig" {
  count      = var.database ? 1 : 0
  name       = local.name
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_db_parameter_group" "writer" {
  count  = var.database ? 1 : 0
  name   = "${local.name}-writer"
  family = "postgres15"
  parameter {
    name         = "max_connections"
    value        = "1024"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_instance" "writer" {
  count                  = var.database ? 1 : 0
  identifier             = "${local.name}-writer"
  engine                 = "postgres"
  engine_version         = "15"
  instance_class         = "db.r7g.large"
  allocated_storage      = 100
  storage_type           = "gp3"
  storage_encrypted      = true
  db_name                = "mattermost"
  username               = "mattermost"
  password               = "correct-horse-battery"
  db_subnet_group_name   = aws_db_subnet_group.rig[0].name
  parameter_group_name   = aws_db_parameter_group.writer[0].name
  vpc_security_group_ids = [aws_security_group.group["database"].id]
  skip_final_snapshot    = true
}
