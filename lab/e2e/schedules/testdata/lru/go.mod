module example.com/lru

go 1.26

require github.com/hashicorp/golang-lru v1.0.2
