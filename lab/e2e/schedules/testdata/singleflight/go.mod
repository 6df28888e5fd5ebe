module example.com/singleflight

go 1.26

require golang.org/x/sync v0.7.0
