package stack

import (
	"fmt"
	"net"
)

// Ports are the loopback ports of everything that listens. Zero picks a free one.
type Ports struct {
	Traces, OTLP, Config, Planner, Extractor, Delivery, Monitor, NATS, S3, Warehouse int
}

// Fixed are the ports that the README documents for `make up`.
func Fixed() Ports {
	return Ports{
		Traces: 7400, Config: 7401, Planner: 7402, Extractor: 7403, Delivery: 7404, Monitor: 7405,
		OTLP: 7417, NATS: 7422, Warehouse: 7480, S3: 7490,
	}
}

// Resolve replaces zeros by free ports and refuses a port that is taken.
func (p Ports) Resolve() (Ports, error) {
	for _, port := range p.all() {
		l, err := net.Listen("tcp", address(*port.number))
		if err != nil {
			return p, fmt.Errorf("port %d for the %s is in use: end the program that holds it (`ss -ltnp` names it), or run exports-local with --free-ports", *port.number, port.owner)
		}
		*port.number = l.Addr().(*net.TCPAddr).Port
		defer func() { _ = l.Close() }() // held until all are chosen, so that no two are the same
	}
	return p, nil
}

type ownedPort struct {
	owner  string
	number *int
}

func (p *Ports) all() []ownedPort {
	return []ownedPort{
		{"trace page", &p.Traces},
		{"trace receiver", &p.OTLP},
		{"config service", &p.Config},
		{"planner", &p.Planner},
		{"extractor", &p.Extractor},
		{"delivery service", &p.Delivery},
		{"SLA monitor", &p.Monitor},
		{"NATS server", &p.NATS},
		{"S3 server", &p.S3},
		{"local warehouse", &p.Warehouse},
	}
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
