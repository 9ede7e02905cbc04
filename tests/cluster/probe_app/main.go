// Command probe_app is a small HTTP service to deploy in tests. VERSION is what it answers, FAULT what is wrong with it:
// crash (ends with status 3), unready (its readiness probe fails), predict (its prediction fails), or nothing.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	version, fault := os.Getenv("VERSION"), os.Getenv("FAULT")
	if fault == "crash" {
		fmt.Fprintln(os.Stderr, "model.onnx is not there")
		os.Exit(3)
	}
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, version) })
	http.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if fault == "unready" {
			http.Error(w, "the model does not load", http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("POST /predict", func(w http.ResponseWriter, r *http.Request) { predict(w, r, version, fault) })

	server := &http.Server{Addr: ":8080"}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	drained := make(chan error, 1)
	go func() {
		<-ctx.Done()
		limited, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		drained <- server.Shutdown(limited)
	}()
	log.Printf("version %s listens on %s", version, server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
}

// predict answers how many bytes the form's file has.
func predict(w http.ResponseWriter, r *http.Request, version, fault string) {
	if fault == "predict" {
		http.Error(w, "no session for the model", http.StatusInternalServerError)
		return
	}
	file, header, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	size, err := io.Copy(io.Discard, file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := map[string]any{"label": "cats", "version": version, "file": header.Filename, "bytes": size}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		log.Print(err)
	}
}
