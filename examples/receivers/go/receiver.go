// Receives mflow's webhooks, checks their signature, and prints each message once. Run it with Go 1.19 or later:
//
//	WEBHOOK_SECRET=whsec_... go run receiver.go 8080
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const tolerance = 5 * 60 // seconds

// A message, as far as it is printed here.
type message struct {
	Type string
	Task *struct{ Name string }
	Run  *struct{ Name string }
}

// problemOf says why a request is not mflow's; it is empty when it is.
func problemOf(key []byte, id, timestamp, signatures string, body []byte) string {
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return "the timestamp is no number"
	}
	if math.Abs(float64(time.Now().Unix()-sent)) > tolerance {
		return "the timestamp is too old or too new"
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	// While a secret is rotated there are two signatures; one of them is by the secret that is known here.
	for _, signature := range strings.Split(signatures, " ") {
		if hmac.Equal([]byte(signature), []byte(expected)) {
			return ""
		}
	}
	return "the signature is wrong"
}

func main() {
	key := []byte(os.Getenv("WEBHOOK_SECRET"))
	if secret := string(key); strings.HasPrefix(secret, "whsec_") {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			fmt.Fprintln(os.Stderr, "WEBHOOK_SECRET is not base64 after whsec_")
			os.Exit(1)
		}
		key = decoded
	}
	port := "8080"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	var lock sync.Mutex
	seen := map[string]bool{}
	http.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		id := request.Header.Get("webhook-id")
		timestamp, signatures := request.Header.Get("webhook-timestamp"), request.Header.Get("webhook-signature")
		if problem := problemOf(key, id, timestamp, signatures, body); problem != "" {
			http.Error(response, problem, http.StatusUnauthorized)
			return
		}
		lock.Lock()
		defer lock.Unlock()
		// A message may come again, with the same id: what it says is done once.
		if !seen[id] {
			seen[id] = true
			var told message
			if err := json.Unmarshal(body, &told); err != nil {
				http.Error(response, err.Error(), http.StatusBadRequest)
				return
			}
			// A test message of `mflow channel test` is about nothing.
			about := "a test message"
			if told.Task != nil {
				about = told.Type + " " + told.Task.Name
			} else if told.Run != nil {
				about = told.Type + " " + told.Run.Name
			}
			fmt.Println(about)
		}
		response.WriteHeader(http.StatusNoContent)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	fmt.Fprintln(os.Stderr, http.Serve(listener, nil))
}
