package stability

type Check struct{ Name, Expr string }

type Contract struct {
	Name   string
	Checks []Check
}
