module github.com/falsifiable/stability/bench

go 1.26

require github.com/falsifiable/stability v0.0.0

replace github.com/falsifiable/stability => ../
