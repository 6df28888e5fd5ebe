module example.com/lru

go 1.26

require github.com/hashicorp/golang-lru v0.5.4
