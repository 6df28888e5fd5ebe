package httpserver_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/httpserver"
)

func Example() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("id")) })

	requests := httpserver.New(httpserver.Config{})
	server := httptest.NewServer(requests.Middleware(mux))
	response, err := http.Get(server.URL + "/orders/7")
	if err != nil {
		fmt.Println(err)
		return
	}
	response.Body.Close()
	server.Close()

	var batch signals.Batch // a monitor that requests is attached to does this
	requests.Sample(&batch)
	for _, reading := range batch.Readings() {
		if reading.Signal == signals.HTTPServer.Requests {
			fmt.Println(reading.Signal.Name(), reading.Value)
		}
	}
	// Output: http.server.request.count 1
}
