package waits

// node is one of several; whoever stops it gives it new channels.
type node struct{ started, set chan struct{} }

type cluster struct{ nodes []node }

func (c *cluster) restart(i int) {
	c.nodes[i] = node{}
	c.nodes[i].started = make(chan struct{})
	close(c.nodes[i].started)
}

// swap gives the channels to one and closes those of another.
func (c *cluster) swap(i, j int) {
	c.nodes[j] = node{}
	c.nodes[i].started = make(chan struct{})
	close(c.nodes[j].started) // want `close of nil channel`
}

// next closes those of the one after it.
func (c *cluster) next(i int) {
	c.nodes[i+1] = node{}
	c.nodes[i].started = make(chan struct{})
	close(c.nodes[i+1].started) // want `close of nil channel`
}
