// Command gin serves requests whose handler hands its *gin.Context on as the context of a call. Before gin 1.8 that context
// never ends and has no deadline; since then it can have those of the request, if the engine is told so.
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause/lostdeadline"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals/httpclient"
)

func main() {
	timescale.Set(1.0 / 60)
	gin.SetMode(gin.ReleaseMode)
	calls := httpclient.New(httpclient.Config{})
	fired := make(chan stability.Violation, 1)
	contract := lostdeadline.Cause.Contract()
	contract.OnViolation = report(fired)
	stability.RegisterContract(contract)
	m := stability.Default()
	if err := m.Attach(calls); err != nil {
		fail(err)
	}
	if err := m.Start(); err != nil {
		fail(err)
	}
	prices := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "42") }))
	server := httptest.NewServer(deadline.Server{Timeout: 2 * time.Second}.Middleware(engine(prices.URL, &http.Client{Transport: calls.Transport(nil)})))
	tick := time.NewTicker(20 * time.Millisecond)
	end := time.After(8 * time.Second)
	for {
		select {
		case <-tick.C:
			response, err := http.Get(server.URL)
			if err != nil {
				fail(err)
			}
			response.Body.Close()
		case v := <-fired:
			fmt.Println("fired:", v.Contract+"/"+v.Name)
			return
		case <-end:
			conclude(m, contract.Name)
			return
		}
	}
}

func engine(prices string, client *http.Client) http.Handler {
	e := gin.New()
	if fallback := reflect.ValueOf(e).Elem().FieldByName("ContextWithFallback"); fallback.IsValid() { // since 1.8
		fallback.SetBool(true)
	}
	e.GET("/", func(c *gin.Context) {
		r, err := http.NewRequestWithContext(c, "GET", prices, nil) // c, not c.Request.Context()
		if err != nil {
			c.String(http.StatusInternalServerError, err.Error())
			return
		}
		response, err := client.Do(r)
		if err != nil {
			c.String(http.StatusBadGateway, err.Error())
			return
		}
		response.Body.Close()
		c.Status(http.StatusOK)
	})
	return e
}
