// Package hotconfig keeps a configuration file in memory as an immutable snapshot, reloads it when the file changes, and never
// lets a bad file replace a good one.
//
//	type Config struct {
//		Timeout time.Duration `yaml:"timeout" min:"10ms" max:"1m"`
//		DB      struct {
//			Addr     string `yaml:"addr" required:"true"`
//			Password string `yaml:"password" secret:"true"`
//		} `yaml:"db"`
//	}
//	config, err := hotconfig.Watch[Config](ctx, "/etc/payment/config.yaml", hotconfig.Options[Config]{})
//	…
//	timeout := config.Get().Timeout
//
// A snapshot must not be changed: all readers have the same one. What a request reads twice it reads from the same snapshot, if it
// is pinned: see [Value.Middleware].
//
// The directory is watched, for editors and Kubernetes replace files by renames; every event is a hint, and the hash of the
// content is the truth; a slow poll stands behind it, for events get lost. A file is taken when it has not changed between two
// looks, decodes strictly (YAML, JSON or TOML by its name, all by the tag yaml), is within its bounds, passes Validate() error
// of *T if there is one, and no subscriber vetoes. Otherwise the last good one stays, and the error, with line and column, is
// shown until it is mended. With a [Rollback] a configuration that is valid and does harm goes back by itself.
//
// No reader can tell a file that was written in place and cut off at a line's end from a whole one. Write a new file and rename
// it; where that cannot be had, use Sealed.
package hotconfig
