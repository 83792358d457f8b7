"""A client of the gateway that does not give up, and load whose end is accounted for."""
import collections, contextlib, http.client, json, threading, time, urllib.error, urllib.request, uuid

FINAL = ("succeeded", "failed", "cancelled")


class Gateway:
    def __init__(self, url, key, store):
        self.url, self.key, self.store = url, key, store
        self.unwell = []  # what was asked again, as (status, code of the problem document); status 0: connection broke

    def call(self, method, path, body=None, headers=None, timeout=90):
        """One request: (status, parsed body or text). A connection that breaks is status 0."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read()
        except (OSError, http.client.HTTPException) as broken:
            return 0, str(broken)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text.decode(errors="replace")

    def surely(self, method, path, body=None, headers=None):
        """The same request until it is answered; not now (0, 429, 5xx) is asked again, for ten minutes at most."""
        deadline = time.monotonic() + 600
        while True:
            status, answer = self.call(method, path, body, headers)
            if 200 <= status < 300:
                return answer
            if status not in (0, 429, 500, 502, 503, 504) or time.monotonic() > deadline:
                raise AssertionError(f"{method} {path}: {status} {answer}")
            # A proxy that finds nobody answers without a problem document.
            self.unwell.append((status, answer.get("code") if isinstance(answer, dict) else None))
            time.sleep(0.3)

    def get(self, path, headers=None):
        return self.call("GET", path, headers=headers)

    def register(self, api_key):
        self.surely("POST", "/stores", {"store_id": self.store, "api_key": api_key}, {"Idempotency-Key": str(uuid.uuid4())})

    def orders(self, count):
        page = self.surely("GET", f"/stores/{self.store}/orders?limit={count}")
        return [str(order["id"]) for order in page["orders"]]

    def note(self, order, text, wait=0):
        headers = {"Idempotency-Key": f"note {text}", **({"Prefer": f"wait={wait}"} if wait else {})}
        return self.surely("POST", f"/stores/{self.store}/orders/{order}/add-note", {"note": text}, headers)

    def notes(self, order):
        """How often each note is in the order, as Order Desk has it now."""
        path = f"/stores/{self.store}/orders/{order}"
        found = self.surely("GET", path, headers={"Cache-Control": "no-cache"})
        return collections.Counter(note["content"] for note in found.get("order_notes") or [])

    def ended(self, job):
        """The job, if it has ended."""
        found = self.surely("GET", f"/jobs/{job}?wait=10")
        return found if found["status"] in FINAL else None

    def hears(self, order, text):
        """The events that an event stream of the tenant tells of one note, up to its end."""
        request = urllib.request.Request(self.url + "/jobs/events", headers={"Authorization": f"Bearer {self.key}"})
        heard = []
        # A line is awaited for longer than the comments are apart that keep a stream alive.
        with urllib.request.urlopen(request, timeout=60) as stream:
            job = self.note(order, text)["id"]
            event = None
            for line in stream:
                line = line.decode().strip()
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and json.loads(line.removeprefix("data: "))["id"] == job:
                    heard.append(event)
                    if event.removeprefix("job.") in FINAL:
                        return heard

    def all_jobs(self):
        jobs, cursor = {}, ""
        while cursor is not None:
            page = self.surely("GET", "/jobs?limit=500" + (f"&cursor={cursor}" if cursor else ""))
            jobs |= {job["id"]: job["status"] for job in page["data"]}
            cursor = page["next_cursor"]
        return jobs

    def open_jobs(self):
        return [job for job, status in self.all_jobs().items() if status not in FINAL]


class Load:
    """Adds notes to orders, from several clients at once, and remembers which were accepted."""

    CLIENTS, PAUSE = 4, 0.2

    def __init__(self, gateway, orders):
        self.gateway, self.orders = gateway, orders
        self.accepted, self.error, self.wanted, self.begun, self.sent, self.flows = [], None, 0, 0, 0, False
        self.change = threading.Condition()
        for _ in range(self.CLIENTS):
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            with self.change:
                self.change.wait_for(lambda: self.flows or self.wanted > self.begun or self.error)
                if self.error:
                    return
                number = self.begun
                self.begun += 1
                self.wanted = max(self.wanted, self.begun)
            order, text = self.orders[number % len(self.orders)], f"load {number}"
            try:
                job = self.gateway.note(order, text)
            except AssertionError as error:
                self.error, job = error, None
            with self.change:
                self.sent += 1
                if job:
                    self.accepted.append((job["id"], order, text))
                self.change.notify_all()
            time.sleep(self.PAUSE)

    def want(self, count):
        """Lets `count` more notes be accepted in the background."""
        with self.change:
            self.wanted += count
            self.change.notify_all()

    @contextlib.contextmanager
    def flowing(self):
        """Notes are added all the time while the block runs."""
        with self.change:
            self.flows = True
            self.change.notify_all()
        try:
            yield
        finally:
            with self.change:
                self.flows = False
        assert not self.error, self.error

    def go_on(self, count):
        """The same, and waits for the first of them."""
        first = self.sent + 1
        self.want(count)
        with self.change:
            assert self.change.wait_for(lambda: self.sent >= first or self.error, 600), "nothing is accepted any more"
        assert not self.error, self.error

    def rest(self):
        """Waits until what was asked for is accepted."""
        with self.change:
            assert self.change.wait_for(lambda: self.sent >= self.wanted or self.error, 600), "nothing is accepted any more"
        assert not self.error, self.error

    def counts(self):
        return {order: self.gateway.notes(order) for order in self.orders}

    def all_ended_once(self, until):
        self.rest()
        for job, _, text in self.accepted:
            ended = until(f"{text} ends", lambda job=job: self.gateway.ended(job))
            assert ended["status"] == "succeeded", ended
        counts = self.counts()
        wrong = [(text, counts[order][text]) for _, order, text in self.accepted if counts[order][text] != 1]
        assert not wrong, wrong
        print(f"   {len(self.accepted)} accepted, each succeeded, each there once", flush=True)

    def restored(self, at_backup, until):
        """After a restore: what the backup knows has ended, and nothing, lost or not, is there twice."""
        ends = collections.Counter()
        counts = None
        states = {}
        for job, _, text in at_backup:
            ended = until(f"{text} ends", lambda job=job: self.gateway.ended(job))
            code = (ended["error"] or {}).get("code")
            assert ended["status"] == "succeeded" or code == "needs_review", ended
            states[text] = ended["status"]
            ends[code or ended["status"]] += 1
        counts = self.counts()
        for _, order, text in self.accepted:
            assert counts[order][text] <= 1, f"{text} is there {counts[order][text]} times"
            assert states.get(text) != "succeeded" or counts[order][text] == 1, f"{text} is missing"
        print(f"   of {len(at_backup)} in the backup: {dict(ends)}; nothing twice", flush=True)
