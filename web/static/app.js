// The Mini App's door: hands on what Telegram put into the fragment (#tgWebAppData=…), and takes it out of sight.
(() => {
  "use strict";
  const tell = (eventType) => {
    if (window.TelegramWebviewProxy) window.TelegramWebviewProxy.postEvent(eventType, "{}");
    else if (parent !== window) parent.postMessage(JSON.stringify({ eventType, eventData: {} }), "https://web.telegram.org");
  };
  tell("web_app_ready");
  tell("web_app_expand");
  const said = new URLSearchParams(location.hash.slice(1)).get("tgWebAppData");
  if (!said) return;
  const form = document.getElementById("door");
  history.replaceState(null, "", location.pathname);
  form.elements.initData.value = said;
  form.submit();
})();
