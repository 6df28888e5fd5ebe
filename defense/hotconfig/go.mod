module github.com/falsifiable/stability/defense/hotconfig

go 1.26

// The lowest versions that work: importing this must move nobody's.
require (
	github.com/falsifiable/stability v0.0.0
	github.com/fsnotify/fsnotify v1.8.0
	github.com/pelletier/go-toml/v2 v2.2.3
	go.yaml.in/yaml/v3 v3.0.4
)

require golang.org/x/sys v0.13.0 // indirect

replace github.com/falsifiable/stability => ../..
