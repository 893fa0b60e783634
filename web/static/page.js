// The page alive: events in, the room's clock, the sound, and cards that move. HTMX sends the forms.
(() => {
  "use strict";
  const body = document.body, base = body.dataset.base;
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  if (!$("#stage")) return;
  const texts = JSON.parse(body.dataset.texts);
  if (location.pathname.startsWith("/app/"))
    document.addEventListener("click", (event) => { // inside Telegram only these addresses may be shown
      const link = event.target.closest('a.brand, a[href^="/r/"]');
      if (link) link.href = link.matches(".brand") ? "/app/lobby?page=0" : link.getAttribute("href").replace("/r/", "/app/");
    });
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let skew = Date.now() - Number(body.dataset.now); // this clock minus the server's
  const serverNow = () => Date.now() - skew;

  // What is one's own: the page said it at first, events say it from then on.
  let mine = {
    votes: Object.fromEntries($$("[data-vote][aria-pressed=true]").map((b) => [b.dataset.of, Number(b.dataset.vote)])),
    mine: $$(".card.mine, #stage:has(#say-votes[hidden])").map((item) => Number(item.dataset.entry)),
    polls: [...($("#skip[aria-pressed=true]") ? ["skip"] : []), ...$$("[data-poll][aria-pressed=true]").map((b) => b.dataset.poll)],
    may: $$("[data-may]:not([hidden])").map((b) => b.dataset.may),
  };
  if ($(".card:not(.mine) [data-move]:not([hidden])")) mine.may.push("move");
  if ($(".card:not(.mine) [data-remove]:not([hidden])")) mine.may.push("remove");
  if ($("[data-seek]:enabled")) mine.may.push("seek");

  function showMine() {
    for (const button of $$("[data-vote]"))
      button.setAttribute("aria-pressed", mine.votes[button.dataset.of] === Number(button.dataset.vote));
    for (const card of $$(".card")) {
      const own = mine.mine.includes(Number(card.dataset.entry));
      card.classList.toggle("mine", own);
      $("[data-remove]", card).hidden = !own && !mine.may.includes("remove");
      $("[data-move]", card).hidden = !own && !mine.may.includes("move");
    }
    $("#skip")?.setAttribute("aria-pressed", mine.polls.includes("skip"));
    for (const button of $$("[data-poll]")) button.setAttribute("aria-pressed", mine.polls.includes(button.dataset.poll));
    for (const button of $$("[data-may]")) button.hidden = !mine.may.includes(button.dataset.may);
    for (const part of $$("[data-any]")) part.hidden = !part.dataset.any.split(" ").some((action) => mine.may.includes(action));
    for (const button of $$("[data-seek]")) button.disabled = !mine.may.includes("seek");
    for (const button of $$("[data-star]"))
      button.setAttribute("aria-pressed", !!$(`[data-kept="${button.dataset.star}"]`));
    const own = $("#say-votes");
    if (own) own.hidden = mine.mine.includes(Number($("#stage").dataset.entry));
  }

  // ---- regions

  const latest = {}; // what the server said last, to go back to when a press was refused
  const versions = {};

  async function show(name, html, version) {
    const old = document.getElementById(name);
    if (!old || (version && version < (versions[name] || 0))) return;
    if (name === "queue" && old.dataset.page !== "0") return;
    versions[name] = version;
    latest[name] = html;
    const before = name === "queue" ? places() : null;
    const entry = $("#stage").dataset.entry;
    await htmx.swap({ text: html, target: old, sourceElement: old, swap: "outerMorph" });
    showMine();
    if (before) move(before);
    if (name === "stage") staged(entry);
    tick();
  }

  const places = () => new Map($$(".card").map((card) => [card.id, card.getBoundingClientRect().top]));

  function move(before) {
    if (calm.matches) return;
    for (const card of $$(".card")) {
      const way = before.has(card.id) ? before.get(card.id) - card.getBoundingClientRect().top : null;
      const ease = { duration: 250, easing: "cubic-bezier(.2, 0, 0, 1)" };
      if (way === null) card.animate([{ opacity: 0, transform: "translateY(8px)" }, {}], ease);
      else if (way) card.animate([{ transform: `translateY(${way}px)` }, {}], ease);
    }
  }

  function staged(entry) {
    const { dataset } = $("#stage");
    document.documentElement.style.setProperty("--accent-light", dataset.accentLight);
    document.documentElement.style.setProperty("--accent-dark", dataset.accentDark);
    document.title = [dataset.title, body.dataset.room].filter(Boolean).join(" · ");
    if (dataset.entry !== entry && dataset.title)
      $("#announce").textContent = texts.playing.replace("{title}", [dataset.title, dataset.artist].filter(Boolean).join(", "));
    lockScreen();
  }

  // ---- the room's clock

  const clock = (ms) => {
    const seconds = Math.floor(Math.max(0, ms) / 1000), minutes = Math.floor(seconds / 60);
    const two = (n) => String(n).padStart(2, "0");
    return minutes < 60 ? `${minutes}:${two(seconds % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
  };

  function tick() {
    const { dataset } = $("#stage");
    if (dataset.entry) {
      const ran = dataset.running === "true" ? (serverNow() - Number(dataset.at)) * Number(dataset.rate) : 0;
      const position = Math.max(0, Math.min(Number(dataset.position) + ran, Number(dataset.length) || Infinity));
      const bar = $("#progress");
      if (bar) bar.value = position;
      draw(dataset.wave, position / Number(dataset.length));
      const elapsed = $("#elapsed"), text = clock(sought ?? position), seek = $("#seek");
      if (seek && sought === null) { seek.max = dataset.length; seek.value = position; }
      if (seek) seek.setAttribute("aria-valuetext", text);
      if (elapsed && elapsed.textContent !== text) elapsed.textContent = text;
    }
    for (const item of $$("[data-start]")) {
      const minutes = Math.round((Number(item.dataset.start) * 1000 - serverNow()) / 60000);
      const text = minutes < 1 ? texts.soon : texts.minutes.replace("{minutes}", minutes);
      if (item.textContent !== text) item.textContent = text;
    }
    for (const item of $$("[data-ends]")) item.textContent = clock(Number(item.dataset.ends) - serverNow());
    for (const item of $$("[data-ago]")) item.textContent = ago(Number(item.dataset.ago) * 1000);
  }

  // Winding: the clock shows where to while the bar is held, and goes there when it is let go.
  let sought = null;
  document.addEventListener("input", ({ target }) => { if (target.id === "seek") { sought = Number(target.value); tick(); } });
  document.addEventListener("change", ({ target }) => {
    if (target.id !== "seek") return;
    const { entry, length } = $("#stage").dataset, button = $("#seek-to");
    sought = null;
    button.setAttribute("formaction", `${base}/seek?entry=${entry}&to=${Math.min(target.value, length - 1)}`);
    button.click();
  });

  // The waveform takes the place of the bar, which stays there for those who do not see it.
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  function draw(letters, played) {
    const wave = $("#wave");
    if (!wave) return;
    if (wave.dataset.of !== letters) {
      wave.dataset.of = letters;
      wave.classList.toggle("drawn", !!letters);
      const peaks = [...letters].map((letter) => ALPHABET.indexOf(letter)), most = Math.max(1, ...peaks);
      const heights = peaks.map((peak) => (0.5 + 19.5 * (peak / most) ** 1.5).toFixed(1));
      const edge = (sign) => heights.map((height, at) => `${at + 0.5} ${20 + sign * height}`);
      $("path", wave).setAttribute("d", letters && `M${[...edge(-1), ...edge(1).reverse()].join("L")}Z`);
    }
    if (letters) $(".played", wave).setAttribute("width", (400 * played).toFixed(2));
  }

  const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style: "short" });
  function ago(then) {
    const minutes = Math.round((then - serverNow()) / 60000);
    return minutes > -60 ? relative.format(Math.min(0, minutes), "minute") : relative.format(Math.round(minutes / 60), "hour");
  }
  setInterval(tick, 500);

  // ---- events

  function connect() {
    const events = new EventSource(`${base}/events`);
    const bar = $("#link");
    let lost;
    events.addEventListener("hello", ({ data }) => {
      skew = Date.now() - JSON.parse(data).now;
      for (const name of Object.keys(versions)) delete versions[name]; // a restarted server may count anew
      clearTimeout(lost);
      bar.hidden = true;
      if (silent()) { patience = 500; tune(); }
    });
    for (const name of ["stage", "queue", "people"])
      events.addEventListener(name, ({ data, lastEventId }) => show(name, data, Number(lastEventId)));
    events.addEventListener("closed", () => location.reload());
    events.addEventListener("me", ({ data }) => { mine = JSON.parse(data); showMine(); });
    events.onerror = () => {
      clearTimeout(lost);
      lost = setTimeout(() => { bar.textContent = texts.lost; bar.hidden = false; }, 800);
      if (events.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
    };
    addEventListener("pagehide", () => events.close(), { once: true });
  }
  connect();
  addEventListener("pageshow", ({ persisted }) => { if (persisted) connect(); });

  // ---- presses: answered at once, corrected if refused

  const unique = () => [...crypto.getRandomValues(new Uint32Array(4))].map((n) => n.toString(36)).join("");

  const pressed = (ctx) => ctx.request.submitter || ctx.sourceElement;

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const form = ctx.request.body;
    if (ctx.request.method !== "POST") return;
    form.set("command", unique());
    const button = pressed(ctx);
    if (button.dataset.vote) {
      const url = new URL(ctx.request.action, location.href), entry = button.dataset.of, was = mine.votes[entry] || 0;
      const value = was === Number(button.dataset.vote) ? 0 : Number(button.dataset.vote);
      url.searchParams.set("value", value);
      ctx.request.action = url.pathname + url.search;
      mine.votes[entry] = value;
      for (const score of $$(`[data-score="${entry}"]`)) {
        score.dataset.value = Number(score.dataset.value) - was + value;
        score.textContent = score.dataset.value;
      }
      showMine();
    } else if (button.id === "skip" || button.dataset.poll) {
      mine.polls.push(button.dataset.poll || "skip");
      showMine();
    }
  });

  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.request.method !== "POST") return;
    if (ctx.response.status >= 400) return back(pressed(ctx));
    if (pressed(ctx).closest("#results")) closeSearch();
    if (pressed(ctx).dataset.star) keep();
  });
  document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
    if (ctx.request?.method !== "POST") return;
    back(pressed(ctx));
    say(texts.failed, true);
  });

  async function keep() {
    const answer = await fetch(`${base}/favourites`, { headers: { "HX-Request": "true" } });
    if (answer.ok) $("#kept").outerHTML = await answer.text();
    showMine();
  }

  function back(button) {
    if (button.dataset.vote) delete mine.votes[button.dataset.of];
    if (button.id === "skip" || button.dataset.poll)
      mine.polls = mine.polls.filter((kind) => kind !== (button.dataset.poll || "skip"));
    for (const name of ["stage", "queue"]) if (latest[name]) show(name, latest[name], versions[name]);
    showMine();
  }

  let fading;
  const fade = () => {
    clearTimeout(fading);
    const notice = $("#notice");
    if (notice?.textContent) fading = setTimeout(() => notice.classList.add("gone"), $(".undo", notice) ? 30000 : 6000);
  };
  function say(text, wrong) {
    const notice = $("#notice");
    notice.textContent = text;
    notice.className = wrong ? "notice wrong" : "notice";
    fade();
  }
  function settle() { // what was searched for before the list was closed comes too late
    const field = $("#q");
    if (field && !field.value && document.activeElement !== field) $("#results")?.replaceChildren();
    fade();
  }
  new MutationObserver(settle).observe($(".dock"), { childList: true });
  fade();

  function closeSearch() {
    const field = $("#q");
    if (field) field.value = "";
    $("#results")?.replaceChildren();
  }

  // ---- sound

  const listen = $("#listen"), volume = $("#volume"), slider = $("input", volume);
  const audio = new Audio();
  let wanted = false, patience = 500, retry, quiet;
  const silent = () => wanted && audio.readyState < 3; // HAVE_FUTURE_DATA
  listen.hidden = false;
  audio.preload = "none";
  const kind = audio.canPlayType("audio/ogg; codecs=opus") ? "ogg" : "mp3"; // Safari reads no Ogg
  try { slider.value = localStorage.getItem("volume") ?? 100; } catch { /* storage is off */ }
  audio.volume = slider.value / 100;
  slider.addEventListener("input", () => {
    audio.volume = slider.value / 100;
    try { localStorage.setItem("volume", slider.value); } catch { /* storage is off */ }
  });

  function tune() {
    clearTimeout(retry);
    audio.src = `${base}/stream.${kind}?${unique()}`;
    audio.play().catch((error) => {
      if (error.name === "NotSupportedError" && !audio.canPlayType(kind === "ogg" ? "audio/ogg; codecs=opus" : "audio/mpeg")) { stop(); say(texts.mute, true); }
      else if (error.name === "NotAllowedError") stop();
    });
  }
  function again() {
    if (!wanted) return;
    label(texts.again, true);
    clearTimeout(retry);
    retry = setTimeout(tune, patience);
    patience = Math.min(patience * 2, 10000);
  }
  async function refused() { // the element does not say why: ask, and stop if it is no fault that passes
    const asked = new AbortController(), src = audio.src;
    try {
      const answer = await fetch(src, { headers: { "HX-Request": "true" }, signal: asked.signal });
      const told = answer.status >= 400 && answer.status < 500 ? await answer.text() : "";
      asked.abort();
      if (told && wanted && audio.src === src) {
        stop();
        return say(new DOMParser().parseFromString(told, "text/html").body.textContent.trim(), true);
      }
    } catch { /* nobody there */ }
    again();
  }
  function stop() {
    wanted = false;
    clearTimeout(retry);
    clearTimeout(quiet);
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
    volume.hidden = true;
    label(texts.listen, false);
  }
  function label(text, busy) {
    listen.setAttribute("aria-pressed", wanted);
    listen.setAttribute("aria-busy", busy);
    $(".label", listen).textContent = text;
    if ("mediaSession" in navigator) navigator.mediaSession.playbackState = wanted ? "playing" : "paused";
  }
  function toggle() {
    if (wanted) return stop();
    wanted = true;
    patience = 500;
    volume.hidden = false;
    label(texts.joining, true);
    lockScreen();
    tune();
  }
  listen.addEventListener("click", toggle);
  audio.addEventListener("playing", () => { patience = 500; if (wanted) label(texts.stop, false); });
  audio.addEventListener("ended", again);
  audio.addEventListener("error", refused);
  audio.addEventListener("waiting", () => {
    if (!wanted) return;
    clearTimeout(retry);
    clearTimeout(quiet);
    if (audio.currentTime) quiet = setTimeout(() => { if (silent()) label(texts.again, true); }, 1000);
    retry = setTimeout(() => { if (silent()) again(); }, 8000);
  });
  audio.addEventListener("timeupdate", () => { if (!silent()) { clearTimeout(retry); clearTimeout(quiet); } });

  function lockScreen() {
    if (!("mediaSession" in navigator)) return;
    const { title, artist, cover } = $("#stage").dataset;
    const artwork = cover ? [176, 512].map((size) => ({ src: `/covers/${cover}/${size}.webp`, sizes: `${size}x${size}`, type: "image/webp" })) : [];
    navigator.mediaSession.metadata = new MediaMetadata({ title: title || body.dataset.room, artist: artist || "", album: body.dataset.room, artwork });
  }
  if ("mediaSession" in navigator) {
    navigator.mediaSession.setActionHandler("play", () => wanted || toggle());
    navigator.mediaSession.setActionHandler("pause", () => wanted && stop());
    navigator.mediaSession.setActionHandler("stop", () => wanted && stop());
  }

  // ---- keyboard

  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (key === "Escape") { closeSearch(); for (const open of $$("#me, .fold[open]")) open.open = false; if (target.matches("input")) target.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input:not([type=radio], [type=range]), textarea")) return;
    const cards = $$(".card"), at = cards.indexOf(target.closest?.(".card"));
    const vote = (value) => $(`[data-vote="${value}"]`, at < 0 ? $("#stage") : cards[at])?.click();
    const steps = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1) };
    if (key === " " && !target.matches("button, summary, a, label, input")) toggle();
    else if (key in steps && cards.length && !target.matches("input")) cards[Math.min(steps[key], cards.length - 1)].focus();
    else if (key === "+" || key === "=") vote(1);
    else if (key === "-" || key === "−") vote(-1);
    else if (key === "/" && $("#q")) $("#q").focus();
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", ({ target }) => {
    for (const open of $$("#me[open], .fold[open]")) if (!open.contains(target)) open.open = false;
    if (!target.closest(".dock, .card .vote")) $("#results")?.replaceChildren();
  });
  showMine();
  tick();
})();
