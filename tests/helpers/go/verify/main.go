// Verify shakes hands over loopback as Consul and Nomad do, with Go's TLS.
//
// It reads cases as JSON from standard input and prints, for each, an empty string or the first refusal.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

const patience = 10 * time.Second

// pair is a certificate and its key, PEM.
type pair struct{ Certificate, Key string }

// handshake is one case: both ends trust CA alone, the client wants a certificate for Name.
type handshake struct {
	CA     string
	Name   string
	Server pair
	Client pair
}

func main() {
	var cases []handshake
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	refusals := make([]string, len(cases))
	for i, c := range cases {
		if err := shake(c); err != nil {
			refusals[i] = err.Error()
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(refusals)
}

func shake(c handshake) error {
	server, client, err := configurations(c)
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		return err
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() { served <- serve(listener) }()
	dialled := dial(listener.Addr().String(), client)
	return decisive(dialled, <-served)
}

func configurations(c handshake) (server, client *tls.Config, err error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.CA)) {
		return nil, nil, errors.New("no CA certificate")
	}
	ours, err := tls.X509KeyPair([]byte(c.Server.Certificate), []byte(c.Server.Key))
	if err != nil {
		return nil, nil, err
	}
	theirs, err := tls.X509KeyPair([]byte(c.Client.Certificate), []byte(c.Client.Key))
	if err != nil {
		return nil, nil, err
	}
	server = &tls.Config{
		Certificates: []tls.Certificate{ours}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
	}
	// Not Certificates: Go would leave out one that the server's list of CAs does not ask for.
	present := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &theirs, nil }
	client = &tls.Config{RootCAs: roots, ServerName: c.Name, GetClientCertificate: present}
	return server, client, nil
}

func serve(listener net.Listener) error {
	connection, err := listener.Accept()
	if err != nil {
		return err
	}
	defer connection.Close()
	return echo(connection, false)
}

func dial(address string, config *tls.Config) error {
	connection, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, config)
	if err != nil {
		return err
	}
	defer connection.Close()
	return echo(connection, true)
}

// echo sends a byte there and back: in TLS 1.3 the client has not been judged before.
func echo(connection net.Conn, first bool) error {
	_ = connection.SetDeadline(time.Now().Add(patience))
	token := []byte{1}
	if first {
		if _, err := connection.Write(token); err != nil {
			return err
		}
	}
	if _, err := io.ReadFull(connection, token); err != nil {
		return err
	}
	if !first {
		_, err := connection.Write(token)
		return err
	}
	return nil
}

// decisive prefers the refusal of the end that refused: the other saw an alert only.
func decisive(client, server error) error {
	var refused *tls.CertificateVerificationError
	if errors.As(server, &refused) {
		return fmt.Errorf("server: %w", server)
	}
	if client != nil {
		return fmt.Errorf("client: %w", client)
	}
	if server != nil {
		return fmt.Errorf("server: %w", server)
	}
	return nil
}
