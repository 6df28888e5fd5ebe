module example.com/freecache

go 1.26

require github.com/coocood/freecache v1.0.1

require github.com/cespare/xxhash v1.1.0 // indirect
