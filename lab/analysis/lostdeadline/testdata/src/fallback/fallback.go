// Package fallback tells its engine to cancel contexts with their requests.
package fallback

import (
	"context"

	"gin"
)

type engine struct{ ContextWithFallback bool }

func newEngine() *engine { return &engine{ContextWithFallback: true} }

func work(context.Context) {}

func handler(c *gin.Context) { work(c) }
