// A TCP echo server on Go's net package: a goroutine a connection, as everybody writes it.
//
// SPDX-License-Identifier: Apache-2.0
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
)

const bufferSize = 8192

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, bufferSize)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:count]); err != nil {
			return
		}
	}
}

func discard(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, bufferSize)
	for {
		if _, err := connection.Read(buffer); err != nil {
			return
		}
	}
}

func main() {
	port := flag.Int("port", 0, "the port to listen on; 0 lets the kernel choose")
	sink := flag.Bool("sink", false, "discard instead of echoing")
	flag.Parse()
	runtime.GOMAXPROCS(1) // one core, like its peers
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	serve := echo
	if *sink {
		serve = discard
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		go serve(connection) // TCP_NODELAY is Go's default
	}
}
