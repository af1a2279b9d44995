/*
 * channel.js: one application data channel, whoever provides it.
 *
 *   CallChannel.open("label", { onopen(info), onmessage(text), onclose(reason) }) returns { send(text), close() }
 *
 * Three providers, the first that is there is taken:
 *   terminal   the JavaScript bridge of a phone's data channel SDK
 *   page       window.openCallChannel(label), returning something like an RTCDataChannel (a browser as UE)
 *   rehearsal  another tab of the same browser: for trying an application without a call
 */
"use strict";

const CallChannel = (() => {
	function viaTerminal(bridge, label, on) {
		const call = (name, request) =>
			new Promise((resolve) => bridge.callHandler(name, JSON.stringify(request), resolve));

		bridge.registerHandler("messageNotify", (text, reply) => {
			on.onmessage(JSON.parse(text).data);
			reply && reply("{}");
		});
		bridge.registerHandler("dataChannelNotify", (text, reply) => {
			if (JSON.parse(text).label === label)
				on.onopen("call");
			reply && reply("{}");
		});
		call("createAppDataChannel", { dclabels: [label], description: document.title });
		return {
			send: (text) => call("sendData", { dclabel: label, data: text }),
			close: () => call("closeAppDataChannel", { dclabels: [label] }),
		};
	}

	function viaPage(open, label, on) {
		const channel = open(label);

		channel.onmessage = (event) => on.onmessage(event.data);
		channel.onclose = () => on.onclose("closed by the other side");
		if (channel.readyState === "open")
			on.onopen("call");
		else
			channel.onopen = () => on.onopen("call");
		return { send: (text) => channel.send(text), close: () => channel.close() };
	}

	function viaOtherTab(label, on) {
		const channel = new BroadcastChannel("call-" + label);

		channel.onmessage = (event) => on.onmessage(event.data);
		setTimeout(() => on.onopen("rehearsal"), 0);
		return { send: (text) => channel.postMessage(text), close: () => channel.close() };
	}

	return {
		open(label, on) {
			if (window.WebViewJavascriptBridge)
				return viaTerminal(window.WebViewJavascriptBridge, label, on);
			if (window.openCallChannel)
				return viaPage(window.openCallChannel, label, on);
			return viaOtherTab(label, on);
		},
	};
})();
