// Browsers start no worker from a page that was opened as a file, and the search runs in one. Here a
// frame stands for it: the same script, which talks by messages too.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      this.inner = frame.contentWindow;
      this.inner.postMessage = (data) =>
        this.dispatchEvent(new MessageEvent("message", { data }));
      this.inner.importScripts = (...sources) =>
        sources.reduce((before, source) => before.then(() => this.load(source)), Promise.resolve());
      this.load(url).then(() => {
        this.waiting.forEach((data) => this.deliver(data));
        this.waiting = null;
      });
    }
    load(source) {
      return new Promise((done, failed) => {
        const script = this.inner.document.createElement("script");
        script.src = String(source);
        script.onload = done;
        script.onerror = () => failed(new Error(`cannot load ${source}`));
        this.inner.document.body.appendChild(script);
      });
    }
    deliver(data) {
      this.inner.dispatchEvent(new this.inner.MessageEvent("message", { data }));
    }
    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else this.deliver(data);
    }
    terminate() {
      this.inner.frameElement.remove();
    }
  };
}
