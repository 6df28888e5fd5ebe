// Package routers shows how the requests of each router get their routes: for every router a runnable example of a few lines.
// [http.ServeMux] needs nothing; a router that keeps the route elsewhere tells it by the request's Pattern, or by
// a function from request to route (httpserver.Config.Route, which is also auto.Config.Route).
package routers
