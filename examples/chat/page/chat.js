"use strict"

const nameTaken = 4009
const $ = id => document.getElementById(id)
const here = new Set()
let socket = null

function join() {
	if (socket) {
		socket.onclose = null
		socket.close()
	}
	const url = new URL(`/ws/${encodeURIComponent($("room").value)}`, location)
	url.protocol = url.protocol.replace("http", "ws")
	url.searchParams.set("name", $("name").value)
	socket = new WebSocket(url)
	socket.onopen = () => $("state").textContent = "connected"
	socket.onmessage = message => on(JSON.parse(message.data))
	socket.onclose = close => {
		$("state").textContent = `closed with ${close.code} ${close.reason}`
		if (close.code !== nameTaken && close.code !== 1000) setTimeout(join, 1000)
	}
}

function on(event) {
	switch (event.kind) {
	case "welcome": // also after a new connection: begin anew
		here.clear()
		$("subject").textContent = "Chat"
		event.names.forEach(name => here.add(name))
		$("events").replaceChildren()
		event.last.forEach(show)
		break
	case "joined":
		here.add(event.name)
		show(event)
		break
	case "left":
		here.delete(event.name)
		show(event)
		break
	case "subject":
		$("subject").textContent = event.text
		break
	default:
		show(event)
	}
	$("names").textContent = [...here].sort().join(", ")
}

function show(event) {
	const item = document.createElement("li")
	item.className = event.kind
	item.textContent = event.kind === "said" ? `${event.name}: ${event.text}` : `${event.name} has ${event.kind}`
	$("events").append(item)
	item.scrollIntoView()
}

$("join").onsubmit = event => {
	event.preventDefault()
	join()
}

$("say").onsubmit = event => {
	event.preventDefault()
	if (socket && socket.readyState === WebSocket.OPEN && $("text").value) {
		socket.send($("text").value)
		$("text").value = ""
	}
}
