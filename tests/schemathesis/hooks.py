"""Leads schemathesis to what is there: real ids in place of generated ones, and a count of what was answered.

The variable ODG_PLACE (JSON) describes the gateway that is tested: its address and key, the ids of what is there. Only those parts of a case are changed that were made to be accepted; the others stay as they are.
"""

import atexit
import collections
import datetime
import functools
import hmac
import itertools
import json
import os
import uuid

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

PLACE = json.loads(os.environ["ODG_PLACE"])
KEY = os.environ["ODG_KEY"]
ADMIN_TOKEN = os.environ["ODG_ADMIN_TOKEN"]
SEEN = collections.defaultdict(collections.Counter)
SESSION = requests.Session()
SESSION.trust_env = False

NUMBERS = itertools.count(1)
ORDERS = itertools.cycle(PLACE["orders"])
ERASABLE = itertools.cycle(PLACE["erasable_orders"])
DOOMED = iter(PLACE["doomed_orders"])
ITEMS = itertools.cycle(PLACE["items"])
DOOMED_ITEMS = iter(PLACE["doomed_items"])
ENDED = itertools.cycle(PLACE["ended_jobs"])
FAILED = iter(PLACE["failed_jobs"])
KEYS = iter(PLACE["keys"])
LATER = f"{datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"

FORM = "application/x-www-form-urlencoded"
POSTED = "900000001"

# OpenAPI cannot say that one of these is needed.
SEARCHES = {"email", "customer_id", "phone", "last_name"}
# A dry run tries the command on the order as it stands. Whether it fits cannot be seen in the schema of its body.
DEPENDENT = {
    "createOrder",
    "replaceOrder",
    "mutateOrder",
    "moveOrder",
    "revertJob",
    "createInventoryItem",
    "updateInventoryItem",
}


def call(method, path, key=KEY, body=None, **query):
    headers = {"Authorization": f"Bearer {key}"}
    answer = SESSION.request(method, PLACE["url"] + path, headers=headers, params=query, json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()


def new_store(key=KEY):
    """One that may be changed and deleted, so that the others go on."""
    return call("POST", "/stores", key, {"store_id": f"spare-{next(NUMBERS)}", "api_key": "no-key"})["id"]


def queued_job():
    path = f"/stores/{PLACE['store']}/orders/{PLACE['orders'][0]}/add-note"
    return call("POST", path, body={"note": "Not yet."}, run_at=LATER)["id"]


def new_tenant():
    return call("POST", "/tenants", ADMIN_TOKEN, {"label": "Short-lived"})


def new_endpoint():
    return call("POST", "/webhook-endpoints", body={"url": PLACE["receiver"]})["id"]


@functools.cache
def endpoint_for(operation):
    """One for each operation, so that what one does to it is nothing to the others."""
    return new_endpoint()


def real(operation, name):
    """An id of something that is there; none where all have been used, and for names that are no ids."""
    match name:
        case "store_id":
            return new_store() if operation in {"deleteStore", "changeStore"} else PLACE["store"]
        case "order_id" if operation == "eraseOrder":
            return next(ERASABLE)
        case "order_id":
            return next(DOOMED, None) if operation == "deleteOrder" else next(ORDERS)
        case "item_id":
            return next(DOOMED_ITEMS, None) if operation == "deleteInventoryItem" else next(ITEMS)
        case "job_id" if operation == "cancelJob":
            return queued_job()
        case "job_id":
            return next(FAILED, None) if operation == "retryJob" else next(ENDED)
        case "tenant_id":
            return new_tenant()["tenant_id"]
        case "key_id":
            return next(KEYS, None)
        case "endpoint_id":
            return new_endpoint() if operation == "deleteWebhookEndpoint" else endpoint_for(operation)
        case "delivery_id":
            return PLACE["delivery"]
        case "name" if operation == "rebuildProjection":
            return "all"
    return None


def is_meant(case, location):
    """Whether this part of the case was made to be accepted."""
    if case.meta is None:
        return False
    part = case.meta.components.get(location)
    return case.meta.generation.mode.is_positive or (part is not None and part.mode.is_positive)


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.definition.raw.get("operationId")
    if is_meant(case, ParameterLocation.PATH):
        for name in list(case.path_parameters):
            case.path_parameters[name] = real(operation, name) or case.path_parameters[name]
    waits = False
    if is_meant(case, ParameterLocation.HEADER):
        waits = lead_headers(operation, case.headers)
    if is_meant(case, ParameterLocation.QUERY):
        lead_query(operation, case.query, waits)
    if is_meant(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        lead_body(operation, case.body, waits)
        if operation == "receiveOrder" and case.media_type == FORM and is_meant(case, ParameterLocation.HEADER):
            sign_form(case)


def sign_form(case):
    """Makes a form of what Order Desk would post of an order that no other request is about; JSON stays unsigned."""
    order = json.dumps({"id": POSTED, "email": f"{next(NUMBERS)}@example.org"})
    case.body = {"order": order}
    case.headers["X-ORDER-DESK-STORE-ID"] = PLACE["store"]
    case.headers["X-ORDER-DESK-HASH"] = hmac.digest(PLACE["api_key"].encode(), order.encode(), "sha256").hex()


def lead_headers(operation, headers):
    if "Idempotency-Key" in headers:
        # The same key with another request is refused, and rightly so.
        headers["Idempotency-Key"] = uuid.uuid4().hex
    if operation == "eraseOwnTenant":
        # Not the one that all the others need.
        tenant = new_tenant()
        headers.update({"Authorization": f"Bearer {tenant['master_key']}", "Confirm": tenant["tenant_id"]})
    if "wait" not in headers.get("Prefer", ""):
        return False
    headers["Prefer"] = "wait=1"
    return True


def lead_query(operation, query, waits):
    lead_options(query, waits)
    # Only an answer can give one.
    query.pop("cursor", None)
    if operation in DEPENDENT:
        query.pop("dry_run", None)
    if operation == "findCustomers" and not SEARCHES & query.keys():
        query["email"] = "ada@example.org"
    if operation == "eraseCustomer" and "email" in query:
        # Nobody whom an order that the others need speaks of.
        query["email"] = f"nobody-{next(NUMBERS)}@example.org"
    if operation == "registerStore":
        # Order Desk knows no generated key.
        query.pop("verify", None)
    if operation == "proveInclusion":
        query.pop("size", None)
        query["position"] = PLACE["position"]
    if operation == "proveConsistency":
        query.update({"from": 1, "to": PLACE["position"]})
    if operation in {"listJobs", "listAudit"} and "store_id" in query:
        query["store_id"] = PLACE["store"]


def lead_options(options, waits):
    """The options of a command, which are the same in a query and in a batch."""
    # There is no secret with which callbacks could be signed.
    options.pop("callback_url", None)
    if waits:
        # What waits for next week would only hold up the run.
        options.pop("run_at", None)
    elif options.get("run_at"):
        options["run_at"] = LATER


def lead_body(operation, body, waits):
    if operation == "createKey" and body.get("expires_at"):
        # It has to be in the future.
        body["expires_at"] = LATER
    if operation in {"createWebhookEndpoint", "changeWebhookEndpoint"}:
        # No address of the world outside, and none of a store that is not there.
        if body.get("url"):
            body["url"] = PLACE["receiver"]
        if body.get("store_ids"):
            body["store_ids"] = [PLACE["store"]]
    if operation == "replayWebhooks":
        # The one has to be before the other, and the more there is between them, the longer it takes.
        body.update({"from": "2026-01-31T12:00:00Z", "to": "2026-01-31T13:00:00Z"})
    if operation == "submitBatch":
        for job in body["jobs"]:
            lead_options(job, waits)
            if job.get("idempotency_key"):
                job["idempotency_key"] = uuid.uuid4().hex


@schemathesis.hook
def after_call(context, case, response):
    SEEN[case.operation.definition.raw.get("operationId")][str(response.status_code)] += 1


@atexit.register
def tell():
    with open(PLACE["seen"], "w", encoding="utf-8") as file:
        json.dump(SEEN, file)
