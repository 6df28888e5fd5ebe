module github.com/falsifiable/stability

go 1.26
