module toolchain/consul

go 1.26.0

tool github.com/hashicorp/consul

require github.com/hashicorp/consul v1.22.5
