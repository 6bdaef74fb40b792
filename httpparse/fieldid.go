package httpparse

// FieldID numbers the field names that a server meets often. 0 is any other name. The numbers may change between
// versions.
type FieldID uint8

// The first few decide how the message is read; the parser looks at each of their values.
const (
	FieldHost FieldID = iota + 1
	FieldConnection
	FieldContentLength
	FieldTransferEncoding
	FieldExpect
	FieldUpgrade
	FieldTrailer
	lastMeaningful = FieldTrailer
)

const (
	FieldAccept FieldID = iota + lastMeaningful + 1
	FieldAcceptCharset
	FieldAcceptEncoding
	FieldAcceptLanguage
	FieldAuthorization
	FieldCacheControl
	FieldContentEncoding
	FieldContentLanguage
	FieldContentLocation
	FieldContentMD5
	FieldContentRange
	FieldContentType
	FieldCookie
	FieldDNT
	FieldDate
	FieldForwarded
	FieldFrom
	FieldHTTP2Settings
	FieldIfMatch
	FieldIfModifiedSince
	FieldIfNoneMatch
	FieldIfRange
	FieldIfUnmodifiedSince
	FieldKeepAlive
	FieldLastEventID
	FieldMaxForwards
	FieldOrigin
	FieldPragma
	FieldPriority
	FieldProxyAuthorization
	FieldProxyConnection
	FieldPurpose
	FieldRange
	FieldReferer
	FieldSecCHUA
	FieldSecCHUAMobile
	FieldSecCHUAPlatform
	FieldSecFetchDest
	FieldSecFetchMode
	FieldSecFetchSite
	FieldSecFetchUser
	FieldSecGPC
	FieldSecWebSocketExtensions
	FieldSecWebSocketKey
	FieldSecWebSocketProtocol
	FieldSecWebSocketVersion
	FieldSetCookie
	FieldTE
	FieldTraceparent
	FieldTracestate
	FieldUpgradeInsecureRequests
	FieldUserAgent
	FieldVia
	FieldXCSRFToken
	FieldXForwardedFor
	FieldXForwardedHost
	FieldXForwardedProto
	FieldXRealIP
	FieldXRequestID
	FieldXRequestedWith
	fieldIDs
)

var fieldNames = [fieldIDs]string{
	FieldHost: "Host", FieldConnection: "Connection", FieldContentLength: "Content-Length",
	FieldTransferEncoding: "Transfer-Encoding", FieldExpect: "Expect", FieldUpgrade: "Upgrade", FieldTrailer: "Trailer",

	FieldAccept: "Accept", FieldAcceptCharset: "Accept-Charset", FieldAcceptEncoding: "Accept-Encoding",
	FieldAcceptLanguage: "Accept-Language", FieldAuthorization: "Authorization", FieldCacheControl: "Cache-Control",
	FieldContentEncoding: "Content-Encoding", FieldContentLanguage: "Content-Language",
	FieldContentLocation: "Content-Location", FieldContentMD5: "Content-Md5", FieldContentRange: "Content-Range",
	FieldContentType: "Content-Type", FieldCookie: "Cookie", FieldDNT: "Dnt", FieldDate: "Date",
	FieldForwarded: "Forwarded", FieldFrom: "From", FieldHTTP2Settings: "Http2-Settings", FieldIfMatch: "If-Match",
	FieldIfModifiedSince: "If-Modified-Since", FieldIfNoneMatch: "If-None-Match", FieldIfRange: "If-Range",
	FieldIfUnmodifiedSince: "If-Unmodified-Since", FieldKeepAlive: "Keep-Alive", FieldLastEventID: "Last-Event-Id",
	FieldMaxForwards: "Max-Forwards", FieldOrigin: "Origin", FieldPragma: "Pragma", FieldPriority: "Priority",
	FieldProxyAuthorization: "Proxy-Authorization", FieldProxyConnection: "Proxy-Connection", FieldPurpose: "Purpose",
	FieldRange: "Range", FieldReferer: "Referer", FieldSecCHUA: "Sec-Ch-Ua", FieldSecCHUAMobile: "Sec-Ch-Ua-Mobile",
	FieldSecCHUAPlatform: "Sec-Ch-Ua-Platform", FieldSecFetchDest: "Sec-Fetch-Dest", FieldSecFetchMode: "Sec-Fetch-Mode",
	FieldSecFetchSite: "Sec-Fetch-Site", FieldSecFetchUser: "Sec-Fetch-User", FieldSecGPC: "Sec-Gpc",
	FieldSecWebSocketExtensions: "Sec-Websocket-Extensions", FieldSecWebSocketKey: "Sec-Websocket-Key",
	FieldSecWebSocketProtocol: "Sec-Websocket-Protocol", FieldSecWebSocketVersion: "Sec-Websocket-Version",
	FieldSetCookie: "Set-Cookie", FieldTE: "Te", FieldTraceparent: "Traceparent", FieldTracestate: "Tracestate",
	FieldUpgradeInsecureRequests: "Upgrade-Insecure-Requests", FieldUserAgent: "User-Agent", FieldVia: "Via",
	FieldXCSRFToken: "X-Csrf-Token", FieldXForwardedFor: "X-Forwarded-For", FieldXForwardedHost: "X-Forwarded-Host",
	FieldXForwardedProto: "X-Forwarded-Proto", FieldXRealIP: "X-Real-Ip", FieldXRequestID: "X-Request-Id",
	FieldXRequestedWith: "X-Requested-With",
}

// String returns the name as net/textproto's canonical form spells it (so Te, Sec-Websocket-Key), "" for 0.
func (id FieldID) String() string {
	if id < fieldIDs {
		return fieldNames[id]
	}
	return ""
}

// slot is a perfect hash of the known names: the multipliers were searched for, and init fails if a new name collides.
// Case is folded by setting bit 5, which among the bytes of a token makes a letter of nothing but a letter.
func slot[T string | []byte](name T) uint8 {
	n := len(name)
	return uint8(n)*25 + (name[0]|0x20)*22 + (name[n-1]|0x20)*110 + (name[max(n-3, 0)]|0x20)*5
}

var slots = func() (t [256]FieldID) {
	for id := FieldHost; id < fieldIDs; id++ {
		s := slot(fieldNames[id])
		if t[s] != 0 {
			panic("httpparse: " + fieldNames[id] + " and " + fieldNames[t[s]] + " share a slot")
		}
		t[s] = id
	}
	return t
}()

// LookupField returns the number of a field name in any case, or 0.
func LookupField(name []byte) FieldID {
	if len(name) == 0 {
		return 0
	}
	id := slots[slot(name)]
	if equalFold(name, fieldNames[id]) {
		return id
	}
	return 0
}

// identify numbers a name that is known to be a token, and says whether it is spelt canonically.
func identify(name []byte) (id FieldID, canonical bool) {
	id = slots[slot(name)]
	known := fieldNames[id]
	switch {
	case string(name) == known:
		return id, true
	case equalFold(name, known):
		return id, false
	}
	upper := true
	for _, c := range name {
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			return 0, false
		}
		upper = c == '-'
	}
	return 0, true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// equalFold compares ASCII letters without their case and all else as it is.
func equalFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if c != b[i] && lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}
