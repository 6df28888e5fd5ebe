package main

import (
	"errors"
	"io"
	"net"
	"time"
)

// idleLimit is how long the server lets a connection be idle.
const idleLimit = 50 * time.Millisecond

// serve listens for MySQL clients, for the life of the process. It says yes to everything.
func serve() (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go talk(conn)
		}
	}()
	return listener.Addr().String(), nil
}

// greeting is the payload of the server's first packet: protocol 10, capabilities 4.1, secure connection, plugin.
var greeting = []byte("\x0a5.7.0\x00" + "\x01\x00\x00\x00" + "abcdefgh\x00" + "\x08\x82" + "\x21" + "\x02\x00" + "\x08\x00" + "\x15" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + "ijklmnopqrst\x00" + "mysql_native_password\x00")

// ok is the payload that accepts a login or a query.
var ok = []byte("\x00\x01\x00\x02\x00\x00\x00")

// talk answers one client until it is idle for too long.
func talk(conn net.Conn) {
	defer conn.Close()
	if err := send(conn, 0, greeting); err != nil {
		return
	}
	for first := true; ; first = false {
		_ = conn.SetReadDeadline(time.Now().Add(idleLimit))
		sequence, payload, err := receive(conn)
		if err != nil || !first && len(payload) > 0 && payload[0] == 1 { // COM_QUIT
			return
		}
		if err := send(conn, sequence+1, ok); err != nil {
			return
		}
	}
}

func send(conn net.Conn, sequence byte, payload []byte) error {
	n := len(payload)
	_, err := conn.Write(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), sequence}, payload...))
	return err
}

func receive(conn net.Conn) (sequence byte, payload []byte, err error) {
	var header [4]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return 0, nil, err
	}
	n := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if n > 1<<16 {
		return 0, nil, errors.New("a packet that large is none of ours")
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(conn, payload)
	return header[3], payload, err
}
