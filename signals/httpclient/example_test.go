package httpclient_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/httpclient"
)

func Example() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()

	calls := httpclient.New(httpclient.Config{})
	client := &http.Client{Transport: calls.Transport(nil)}
	response, err := client.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	response.Body.Close()

	var batch signals.Batch // a monitor that calls is attached to does this
	calls.Sample(&batch)
	for _, reading := range batch.Readings() {
		if reading.Signal == signals.HTTPClient.Requests {
			fmt.Println(reading.Signal.Name(), reading.Value)
		}
	}
	// Output: http.client.request.count 1
}
