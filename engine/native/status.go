package native

import "strconv"

// statusNames has the reason phrases of the IANA registry (RFC 9110, section 16.2.1), as net/http spells them.
var statusNames = map[int]string{
	100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints",
	200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content",
	205: "Reset Content", 206: "Partial Content", 207: "Multi-Status", 208: "Already Reported", 226: "IM Used",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
	305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed",
	413: "Request Entity Too Large", 414: "Request URI Too Long", 415: "Unsupported Media Type",
	416: "Requested Range Not Satisfiable", 417: "Expectation Failed", 418: "I'm a teapot",
	421: "Misdirected Request", 422: "Unprocessable Entity", 423: "Locked", 424: "Failed Dependency",
	425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests",
	431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Gateway Timeout", 505: "HTTP Version Not Supported", 506: "Variant Also Negotiates",
	507: "Insufficient Storage", 508: "Loop Detected", 510: "Not Extended", 511: "Network Authentication Required",
}

func statusText(code int) string {
	if name, ok := statusNames[code]; ok {
		return name
	}
	return "Status " + strconv.Itoa(code)
}

// statusLines has the status lines of HTTP/1.1 for the codes that have a name.
var statusLines = func() (lines [600]string) {
	for code, name := range statusNames {
		lines[code] = "HTTP/1.1 " + strconv.Itoa(code) + " " + name + "\r\n"
	}
	return lines
}()

func appendStatusLine(out []byte, minor uint8, code int) []byte {
	if minor == 1 && code < len(statusLines) && statusLines[code] != "" {
		return append(out, statusLines[code]...)
	}
	out = append(out, "HTTP/1."...)
	out = append(out, '0'+minor, ' ')
	out = strconv.AppendInt(out, int64(code), 10)
	out = append(out, ' ')
	out = append(out, statusText(code)...)
	return append(out, "\r\n"...)
}

// bodyAllowed reports whether a response with this status has a body (RFC 9110, section 6.4.1).
func bodyAllowed(status int) bool { return status >= 200 && status != 204 && status != 304 }
