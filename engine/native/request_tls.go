package native

import "crypto/tls"

// TLS returns what is known of the connection's TLS, which stays valid and must not be changed; nil without TLS, and of a
// clone.
func (r *Request) TLS() *tls.ConnectionState {
	if r.x == nil {
		return nil
	}
	return r.x.Conn().TLS()
}
