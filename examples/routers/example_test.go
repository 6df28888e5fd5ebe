package routers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/httpserver"
)

// With auto these are watch.Middleware and auto.Config.Route.

func Example_serveMux() {
	requests := httpserver.New(httpserver.Config{})
	router := http.NewServeMux()
	router.HandleFunc("GET /users/{id}", func(http.ResponseWriter, *http.Request) {})
	show(requests, requests.Middleware(router))
	// Output: {route="GET /users/{id}"}
}

func Example_gin() {
	gin.SetMode(gin.ReleaseMode)
	requests := httpserver.New(httpserver.Config{})
	router := gin.New()
	router.Use(func(c *gin.Context) { c.Request.Pattern = c.FullPath() }) // the first: others may copy the request
	router.GET("/users/:id", func(*gin.Context) {})
	show(requests, requests.Middleware(router))
	// Output: {route="/users/:id"}
}

func Example_echo() {
	requests := httpserver.New(httpserver.Config{})
	router := echo.New()
	router.Use(func(next echo.HandlerFunc) echo.HandlerFunc { // the first: others may copy the request
		return func(c echo.Context) error {
			c.Request().Pattern = c.Path()
			return next(c)
		}
	})
	router.GET("/users/:id", func(echo.Context) error { return nil })
	show(requests, requests.Middleware(router))
	// Output: {route="/users/:id"}
}

func Example_chi() {
	requests := httpserver.New(httpserver.Config{Route: func(r *http.Request) string {
		return chi.RouteContext(r.Context()).RoutePattern()
	}})
	router := chi.NewRouter()
	router.Use(requests.Middleware) // inside, where chi keeps the route
	router.Get("/users/{id}", func(http.ResponseWriter, *http.Request) {})
	show(requests, router)
	// Output: {route="/users/{id}"}
}

func Example_gorilla() {
	requests := httpserver.New(httpserver.Config{Route: func(r *http.Request) string {
		route, _ := mux.CurrentRoute(r).GetPathTemplate()
		return route
	}})
	router := mux.NewRouter()
	router.Use(requests.Middleware) // inside, where gorilla keeps the route
	router.HandleFunc("/users/{id}", func(http.ResponseWriter, *http.Request) {})
	show(requests, router)
	// Output: {route="/users/{id}"}
}

// show sends a request and prints the route that it is counted for.
func show(requests *httpserver.Tracker, handler http.Handler) {
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/users/7", nil))
	var batch signals.Batch
	requests.Sample(&batch)
	for _, r := range batch.Readings() {
		if r.Signal == signals.HTTPServer.RouteRequests {
			fmt.Println(r.Labels)
		}
	}
}
