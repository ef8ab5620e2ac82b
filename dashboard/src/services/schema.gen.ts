// Code generated from spec/openapi.yaml by scripts/generate.mjs. DO NOT EDIT.

export interface paths {
    "/approvals/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Of an approval link.
                 * @example sjn_apr_3jXo5Yk0aGq8mVw1RtZbC7LdHn2PsEf4UiKy6TxMvQ9
                 */
                token: string;
            };
            cookie?: never;
        };
        /**
         * Show what an approval link is for
         * @description A page with a form, or JSON with `Accept: application/json`. Looking changes nothing. A token that is unknown, used
         *     or expired, and one whose approval is decided, are all answered alike: 404.
         */
        get: operations["showApproval"];
        put?: never;
        /**
         * Decide with an approval link
         * @description The form of the page, or JSON, which is answered with JSON unless a page is asked for. Uses the link up.
         */
        post: operations["decideByLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document, to read */
        get: operations["docs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Does the process answer */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Measurements for Prometheus
         * @description From this machine no key is needed; from others one with the scope `admin`.
         */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Should requests be sent here */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ui/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is signed in */
        get: operations["getSession"];
        put?: never;
        /**
         * Sign in
         * @description The cookie lasts 12 hours, and 12 more whenever it is used, up to 7 days from the sign-in. It ends with the key. Every
         *     sign-in has another. Browsers keep it over https:// and on the machine itself: elsewhere the answer is 400.
         */
        post: operations["signIn"];
        /**
         * Sign out
         * @description The browser forgets the cookie. Signing out again changes nothing.
         */
        delete: operations["signOut"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow a project
         * @description As the stream of one execution, with the events of all of the project's, in the order in which they were stored. The
         *     `id` is a cursor that means nothing to clients; a line with an `id` alone, without an event, moves it on. Without
         *     `after` the stream begins now. `event: reset` says that the cursor is of a timeline that a restore has ended: the
         *     stream goes on from now. Events of deleted executions are not in it.
         */
        get: operations["followProject"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List executions
         * @description Newest first. All filters must hold. A combination that no index serves stops after a short time with what it found
         *     and says in `searched_until` how far back it got; `next_cursor` goes on from there.
         */
        get: operations["listExecutions"];
        put?: never;
        /**
         * Start an execution
         * @description The execution is on stable storage when the answer arrives. Without `wait` the answer is the execution as of its
         *     first revision; with it, the execution as it is when it has ended or the hold is over.
         *
         *     Send an `Idempotency-Key` and repeat the request as often as you like: one execution is made, and a repeat answers
         *     200 with it and `Idempotent-Replay: true`. The same key with another body is 422.
         *
         *     Files can come along in a form: a text part `execution` with the body as JSON, in any place, and up to 15 parts
         *     with files, each of which becomes a member of the input under the name of its part.
         */
        post: operations["startExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        /**
         * Get an execution
         * @description With `wait`, answers as soon as it has ended, and in any case when the hold is over.
         */
        get: operations["getExecution"];
        put?: never;
        post?: never;
        /**
         * Delete or redact a finished execution
         * @description `delete` removes it; later reads answer 410. `redact` keeps it without its payloads, messages, metadata and logs.
         */
        delete: operations["deleteExecution"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/{id}/approval-links": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make an approval link
         * @description Whoever has the link decides one approval, once, on a page or by sending JSON. It may be made before the approval
         *     is asked for when `name` or `step` is given; it dies with the wait, and when it expires. The token is shown only
         *     here. A worker makes one with `workers:run` and the `lease` of an execution that it holds.
         */
        post: operations["createApprovalLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/{id}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Approve
         * @description Ends the wait for an approval. `name` may be left out when exactly one approval is awaited; several of one name are
         *     decided in the order in which they were asked for, unless `step` says which one is meant: then a repeat of the
         *     request cannot decide the next one either. What is not awaited, because it was never asked for, has been
         *     decided or has timed out, answers 409 `not_awaiting`.
         */
        post: operations["approveExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel an execution
         * @description One that no worker holds is cancelled at once (200). A worker that holds it is told, and has the grace to stop by
         *     itself (202); asking again changes nothing and answers 202 too. One that has ended answers 409 `already_terminal`.
         */
        post: operations["cancelExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        /**
         * Follow an execution
         * @description A stream of server-sent events: what has happened since the revision `after`, then what happens. Each has the
         *     revision as its `id`, the kind as its `event` and an Event as its `data`. After the last one comes `event: end`
         *     with a StreamEnd, and the stream ends; one that ends without it is to be opened again after a second, with the last
         *     `id` in the header Last-Event-ID, as browsers do by themselves. No event is then missing and none comes twice.
         *
         *     Every 15 seconds of silence a comment is sent. Who does not read for 10 seconds is cut off. `event: reset` says that
         *     the revision named is not reached: the data was restored from a backup, and the stream begins anew.
         *
         *     With `Accept: application/json` the answer is a page of what there is, to be asked for again with `last_id` as
         *     `after`.
         */
        get: operations["followExecution"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/{id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        /**
         * Read what the handler logged
         * @description By step, attempt and arrival. At most 1000 lines are kept of one step and attempt.
         */
        get: operations["getExecutionLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/{id}/reject": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Reject
         * @description As approve, with the opposite outcome. The execution ends rejected, with code `approval_rejected` and the comment as
         *     its error, unless its handler makes something else of it.
         */
        post: operations["rejectExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/{id}/signals/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
                /**
                 * @description What the execution waits for, as its handler names it.
                 * @example payment
                 */
                name: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a signal
         * @description The oldest open wait of this name ends with it. When there is none, the signal is kept for one that is still to
         *     come, also before the execution runs; signals of one name are taken in the order in which they came. At most 1,000
         *     are kept (409 `signal_limit`). One that has ended answers 409 `already_terminal`.
         */
        post: operations["signalExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/{id}/terminate": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End an execution at once
         * @description Without grace and without asking its worker, whose next report is refused.
         */
        post: operations["terminateExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start many executions
         * @description Each start stands on its own: one that is refused does not touch the others. An item may have an `idempotency_key`;
         *     the header does not apply.
         */
        post: operations["startExecutions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel all executions that match a filter
         * @description Only open executions are touched, newest first: those that no worker runs before the others. One that is being cancelled already is left alone and does not count. `has_more` says that more match; repeat the request.
         */
        post: operations["cancelExecutions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/executions/counts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Count executions by state */
        get: operations["countExecutions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List files
         * @description Newest first.
         */
        get: operations["listFiles"];
        put?: never;
        /**
         * Upload a file
         * @description The file is the body, of the type that Content-Type names, or the one part of a form. It is on stable storage when
         *     the answer arrives. A file that no execution refers to is removed after 24 hours. A `workers:run` key may upload
         *     for an execution that it holds, with the header `Sojourn-Lease`; the file then belongs to that execution at once.
         */
        post: operations["uploadFile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/files/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example file_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["FileId"];
            };
            cookie?: never;
        };
        /**
         * Get a file's record
         * @description A `workers:run` key may read files of an execution that it holds, with the header `Sojourn-Lease`.
         */
        get: operations["getFile"];
        put?: never;
        post?: never;
        /**
         * Delete a file
         * @description References to it remain and lead nowhere. A file that an open execution refers to is 409.
         */
        delete: operations["deleteFile"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/files/{id}/content": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example file_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["FileId"];
            };
            cookie?: never;
        };
        /**
         * Download a file
         * @description Its bytes, always as an attachment. One `Range` is answered with 206; several are answered with the whole. A
         *     `workers:run` key may read files of an execution that it holds, with the header `Sojourn-Lease`.
         */
        get: operations["downloadFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/info": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who am I, and what is this server
         * @description Any valid key may ask.
         */
        get: operations["getInfo"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List API keys
         * @description Those of the project, newest first, revoked ones too.
         */
        get: operations["listKeys"];
        put?: never;
        /**
         * Create an API key
         * @description The answer is the only one that ever shows the key. A key can grant only scopes that it has itself.
         */
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example key_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke an API key
         * @description It stops working within 5 seconds. Revoking it again changes nothing.
         */
        delete: operations["revokeKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List projects */
        get: operations["listProjects"];
        put?: never;
        /** Create a project */
        post: operations["createProject"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Statistics of all workflows
         * @description As those of one workflow, a page of workflows by name at a time and without timings in the buckets. The 20,000 are for all workflows of the page together.
         */
        get: operations["listStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the servers and their data are */
        get: operations["getSystem"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/callback-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the secrets of callbacks
         * @description The secrets that sign the callbacks of all executions of the project, the newest first. The first one is made when it is asked for.
         */
        get: operations["getCallbackSecret"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/callback-secret/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a new secret for callbacks
         * @description For the grace, callbacks carry two signatures, one by each secret.
         */
        post: operations["rotateCallbackSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List deliveries
         * @description Messages to endpoints and callbacks with how their delivery stands, newest first. Those to endpoints are kept for 30
         *     days after they ended, callbacks as long as their execution.
         */
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/deliveries/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example evt_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["DeliveryId"];
            };
            cookie?: never;
        };
        /**
         * Get a delivery
         * @description With each attempt, and the body that is sent.
         */
        get: operations["getDelivery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/deliveries/{id}/redeliver": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example evt_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["DeliveryId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a message again
         * @description It goes out now under its own id, whatever became of it, and its schedule of attempts begins anew. `conflict` when its
         *     endpoint is disabled or deleted, or its execution was redacted.
         */
        post: operations["redeliver"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/endpoints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List webhook endpoints
         * @description Newest first, without their secrets.
         */
        get: operations["listEndpoints"];
        put?: never;
        /**
         * Create a webhook endpoint
         * @description Every message about the project's executions that its filters let through is sent there, signed with its secret. The
         *     answer is the only one that ever shows the secret.
         */
        post: operations["createEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/endpoints/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["EndpointId"];
            };
            cookie?: never;
        };
        /**
         * Get a webhook endpoint
         * @description Without its secret.
         */
        get: operations["getEndpoint"];
        put?: never;
        post?: never;
        /**
         * Delete a webhook endpoint
         * @description What waits for delivery to it is cancelled. Its deliveries stay in the log as long as they are kept.
         */
        delete: operations["deleteEndpoint"];
        options?: never;
        head?: never;
        /**
         * Change a webhook endpoint
         * @description Members that are left out stay as they are. Disabling an endpoint cancels what waits for delivery to it; enabling it
         *     starts with the next message.
         */
        patch: operations["updateEndpoint"];
        trace?: never;
    };
    "/v1/webhooks/endpoints/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["EndpointId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give an endpoint a new secret
         * @description The answer is the only one that shows the new secret. For the grace, messages carry two signatures, one by each
         *     secret.
         */
        post: operations["rotateEndpointSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/endpoints/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["EndpointId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a test message
         * @description A message of the type `endpoint.test` is sent once, also when the endpoint is disabled. The delivery tells how it went.
         */
        post: operations["testEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/listen": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Listen to webhooks
         * @description The messages that a webhook endpoint would get, as a stream of server-sent events: for a program without a public
         *     address, such as `sojourn listen`, which passes them on to a local port. The first is `event: ready` with the secret
         *     that they are signed with, the project's callback secret; then come `event: message`, each with the headers and the
         *     body that an endpoint would get. `status_changed` comes for every change, also for those that follow each other
         *     quickly and would make one message. Nothing is recorded, and nothing is tried again. The `id` is that of the
         *     project's stream of events, and so is everything else about the stream.
         */
        get: operations["listen"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/worker/heartbeat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stay alive
         * @description Prolongs the leases of everything that the worker holds. `digest` is the XOR of the 64-bit FNV-1a hashes of the
         *     leases held, as 16 hex digits: when it does not match, the answer asks to `reconcile`, and the next heartbeat sends
         *     all `leases`.
         */
        post: operations["heartbeat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/worker/poll": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Wait for work
         * @description Answers as soon as there is work or a signal, otherwise when the wait is over. One poll of a session at a time. A
         *     delivery is acknowledged by `received` in the next poll, report or heartbeat; one that is not is offered again.
         */
        post: operations["poll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/worker/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Report what happened
         * @description Operations of any number of executions, applied in order and each answered on its own. After an operation that is
         *     refused, the later ones of the same execution in the same report are refused with `skipped`.
         */
        post: operations["report"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/worker/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Open a session
         * @description Workflows that are new are created, and a new version label makes a version that becomes the current one. A key that
         *     is bound to workflows may serve no others.
         */
        post: operations["openSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/worker/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example sess_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Close a session
         * @description Gives back everything that the worker holds.
         */
        delete: operations["closeSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/worker/sessions/{id}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example sess_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take no more work
         * @description The worker keeps what it holds and is given nothing new.
         */
        post: operations["drainSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List live workers */
        get: operations["listWorkers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List workflows
         * @description By name.
         */
        get: operations["listWorkflows"];
        put?: never;
        /**
         * Create a workflow
         * @description Workers create theirs by serving them; create one by hand to accept starts before its worker is there.
         */
        post: operations["createWorkflow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{workflow}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        /** Get a workflow */
        get: operations["getWorkflow"];
        put?: never;
        post?: never;
        /**
         * Delete a workflow
         * @description Refused with 409 while it has open executions or live workers. Finished ones remain, with `workflow` null.
         */
        delete: operations["deleteWorkflow"];
        options?: never;
        head?: never;
        /**
         * Change a workflow's settings
         * @description What is left out stays as it is; 0 returns to the server's default.
         */
        patch: operations["updateWorkflow"];
        trace?: never;
    };
    "/v1/workflows/{workflow}/stats": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        /**
         * Statistics of a workflow
         * @description How many executions were started, what became of them, and how long they took, over a time that is divided into
         *     buckets. Executions are counted in the bucket in which they were created, by the state that they are in now.
         *
         *     What it costs does not grow with the number of executions: hours and days are counted by counters. Buckets shorter
         *     than an hour are counted one by one up to 20,000 executions; beyond that each hour's counters are spread evenly over
         *     its buckets, and `exact` is false. How long executions took is known from a sample of the newest that have ended.
         */
        get: operations["getWorkflowStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{workflow}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        /**
         * List a workflow's versions
         * @description Newest first. When there are any, exactly one is current.
         */
        get: operations["listVersions"];
        put?: never;
        /** Create a version */
        post: operations["createVersion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{workflow}/versions/current": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        get?: never;
        /** Choose the version that starts use */
        put: operations["setCurrentVersion"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Whether the workflow may be started through the API. While it is false, starts are refused with 403 `api_trigger_disabled`, but for repeats of earlier ones; what was started goes on. */
        APITrigger: boolean;
        Approval: {
            execution_id: components["schemas"]["ExecutionRef"];
            expires_at: components["schemas"]["Time"];
            name: string;
            /** @description What the approver gets to see. */
            payload?: components["schemas"]["JSON"];
            /**
             * @description not_yet: nobody has asked for the decision so far.
             * @enum {string}
             */
            state: "open" | "not_yet";
            workflow?: string;
        };
        ApprovalLink: {
            expires_at: components["schemas"]["Time"];
            /** @description The wait that it decides. */
            step: string;
            token: string;
            /** @description To be given to whoever decides. */
            url: string;
        };
        Assignment: {
            attempt: number;
            created_at: components["schemas"]["Time"];
            deadline_at?: components["schemas"]["Time"];
            id: components["schemas"]["ExecutionRef"];
            input: {
                [key: string]: unknown;
            };
            /** @description Must be shown by every operation. */
            lease: string;
            metadata?: components["schemas"]["Metadata"];
            /** @description Steps, sleeps and waits of earlier attempts; their results stand and they must not run again. */
            recorded?: {
                ended?: components["schemas"]["WaitEnd"];
                /** @description Of a step that failed for good. */
                error?: string;
                error_code?: string;
                /** @description When an open wait times out. */
                expires_in_ms?: number;
                input_hash?: components["schemas"]["Hex"];
                /** @enum {string} */
                kind: "step" | "sleep" | "wait";
                /** @description What a wait is for. */
                name?: string;
                next_attempt_in_ms?: number;
                /** @description The result of a completed step. */
                output?: components["schemas"]["JSON"];
                /**
                 * @description The output came with the start.
                 * @constant
                 */
                overridden?: true;
                step: string;
                tries?: number;
                until?: components["schemas"]["Time"];
                until_in_ms?: number;
                /** @enum {string} */
                wait?: "signal" | "approval";
            }[];
            traceparent?: string;
            version?: number;
            /** @description Its name. */
            workflow: string;
        };
        Awaited: {
            expires_at?: components["schemas"]["Time"];
            /** @enum {string} */
            kind: "signal" | "approval";
            /** @description What signals and decisions call it. */
            name: string;
            /** @description What the approver gets to see. Only when one execution is read. */
            payload?: components["schemas"]["JSON"];
            since: components["schemas"]["Time"];
            step: string;
        };
        BulkCancel: {
            /** @description As the query of the list. {} means every open execution of the project. */
            filter: {
                awaiting?: string;
                created_from?: string;
                created_to?: string;
                metadata?: components["schemas"]["Metadata"];
                status?: components["schemas"]["Status"][] | string;
                text?: string;
                trigger?: components["schemas"]["Trigger"][] | string;
                workflow_id?: string;
            };
            grace_ms?: components["schemas"]["Grace"];
            /** @default 1000 */
            limit?: number;
            reason?: string;
        };
        CallbackSecrets: {
            secrets: {
                created_at: components["schemas"]["Time"];
                expires_at?: components["schemas"]["Time"];
                secret: string;
            }[];
        };
        /** @description Executions of yours that you must stop. */
        CancelSignals: components["schemas"]["ExecutionRef"][];
        Counts: {
            cancelled: number;
            completed: number;
            created: number;
            failed: number;
            finalizing: number;
            pending: number;
            rejected: number;
            running: number;
            waiting: number;
        };
        Decision: {
            /** @description Who decides, as it is shown to people. */
            by?: string;
            comment?: string;
            /** @description Of the approval; may be left out when one alone is awaited. */
            name?: string;
            /** @description What the handler gets. */
            payload?: components["schemas"]["JSON"];
            /** @description The one wait that is meant, such as manager#2; default: the oldest that is awaited under the name. */
            step?: string;
        };
        Delivery: {
            cancel?: components["schemas"]["CancelSignals"];
            /** @description Its number, to be acknowledged; 0 when it carries no execution. */
            delivery: number;
            drop?: components["schemas"]["DropSignals"];
            executions: components["schemas"]["Assignment"][];
            wake?: components["schemas"]["WakeSignals"];
        };
        /** @description Executions that are no longer yours. */
        DropSignals: components["schemas"]["ExecutionRef"][];
        /**
         * @description What it hears of: `created` when an execution was started, `status_changed` when its status changed to one that is
         *     not final, `terminal` when it ended.
         */
        EndpointEvents: ("created" | "status_changed" | "terminal")[];
        /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
        EndpointRef: string;
        EndpointUpdate: {
            description?: string;
            /** @description Whether messages are sent to it. */
            enabled?: boolean;
            events?: components["schemas"]["EndpointEvents"];
            /** @description An http or https URL. */
            url?: string;
            /** @description Names of the only workflows it hears of; null: all. */
            workflows?: string[] | null;
        };
        Event: {
            actor: {
                id?: string;
                /** @enum {string} */
                type: "engine" | "key" | "worker" | "approval_link";
            };
            at: components["schemas"]["Time"];
            attempt?: number;
            /** @description Who decided, as the decider said. */
            by?: string;
            code?: string;
            /** @description Of whoever decided. */
            comment?: string;
            /** @description In streams. */
            execution_id?: components["schemas"]["ExecutionRef"];
            message?: string;
            /** @description Of the signal or approval. */
            name?: string;
            /**
             * @description Of wait_ended.
             * @enum {string}
             */
            outcome?: "received" | "approved" | "rejected" | "timeout";
            /** @description What the approver gets to see, or what came with the signal or the decision; a signal's is in its own event. */
            payload?: components["schemas"]["JSON"];
            progress?: number;
            revision: number;
            /** @description The state of the execution after it. */
            status: components["schemas"]["Status"];
            step?: string;
            /** @enum {string} */
            type: "created" | "ready" | "claimed" | "returned" | "lease_lost" | "step_started" | "step_completed" | "step_failed" | "sleep_started" | "progressed" | "suspended" | "woken" | "attempt_failed" | "retried" | "cancel_requested" | "finalizing" | "completed" | "failed" | "cancelled" | "rejected" | "wait_started" | "signalled" | "wait_ended";
            until?: components["schemas"]["Time"];
            /**
             * @description Of wait_started.
             * @enum {string}
             */
            wait?: "signal" | "approval";
            /** @description The name of the workflow, in streams of a project. */
            workflow?: string;
            /** @description In streams of a project. */
            workflow_id?: components["schemas"]["WorkflowId"];
        };
        EventPage: {
            data: components["schemas"]["Event"][];
            /** @description There may be more already. */
            has_more: boolean;
            /** @description What to give as after to go on. */
            last_id: string;
            /** @description As the event of that name in a stream. */
            reset?: boolean;
        };
        Execution: {
            /** @description How often a worker took it. */
            attempt: number;
            /** @description Open waits for signals and approvals, oldest first; absent when there are none. */
            awaiting?: components["schemas"]["Awaited"][];
            /** @description Told when the execution has ended. */
            callback_url?: string;
            /** @enum {string} */
            cancel_reason?: "requested" | "timeout" | "terminated";
            cancel_requested_at?: components["schemas"]["Time"];
            completed_at?: components["schemas"]["Time"];
            created_at: components["schemas"]["Time"];
            deadline_at?: components["schemas"]["Time"];
            /** @description What went wrong; when failed or rejected, and when cancelled with a reason. */
            error?: string;
            /** @description The same for programs. */
            error_code?: string;
            error_details?: {
                [key: string]: unknown;
            };
            /** @description With include=events. */
            events?: components["schemas"]["Event"][];
            id: components["schemas"]["ExecutionRef"];
            /** @description Null when redacted. */
            input: {
                [key: string]: unknown;
            } | null;
            metadata?: components["schemas"]["Metadata"];
            /** @description What the handler returned; only when completed. */
            output?: components["schemas"]["JSON"];
            priority: number;
            /** @description As the handler reported it; it never falls. */
            progress?: number;
            /** @constant */
            redacted?: true;
            resumes_at?: components["schemas"]["Time"];
            /** @description Rises by one with each change. */
            revision: number;
            scheduled_at?: components["schemas"]["Time"];
            started_at?: components["schemas"]["Time"];
            status: components["schemas"]["Status"];
            /** @description The reason as a sentence. */
            status_message?: string;
            /**
             * @description Why an open execution is where it is: scheduled, queued, no_worker, executing, retry_backoff, awaiting_worker,
             *     awaiting_idle_worker, timer, signal:NAME, approval:NAME, cancelling, finalizing.
             */
            status_reason?: string;
            /** @description With include=steps. */
            steps?: components["schemas"]["Step"][];
            trigger_type: components["schemas"]["Trigger"];
            /** @description The version's number; absent when the workflow has none. */
            version?: number;
            /** @description Null when the workflow was deleted. */
            workflow: {
                id: components["schemas"]["WorkflowId"];
                name: string;
            } | null;
            workflow_id: components["schemas"]["WorkflowId"];
        };
        ExecutionPage: {
            counts?: components["schemas"]["Counts"];
            /** @description As exact of the counts. */
            counts_exact?: boolean;
            data: components["schemas"]["Execution"][];
            has_more: boolean;
            next_cursor: string | null;
            searched_until?: components["schemas"]["Time"];
        };
        /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
        ExecutionRef: string;
        Failure: {
            code?: string;
            details?: {
                [key: string]: unknown;
            };
            message: string;
        };
        File: {
            created_at: components["schemas"]["Time"];
            /** @description When it is removed unless an execution refers to it by then; absent while one does. */
            expires_at?: components["schemas"]["Time"];
            /** @description What its sender called it, without directories. */
            filename: string;
            /** @example file_01jd7x0m8ke9tb3a0r6v5n2w4q */
            id: string;
            /** @description What its sender says it is; application/octet-stream when unknown. */
            mime_type: string;
            sha256: string;
            /** @description In bytes. */
            size: number;
        };
        /** @description How a file stands in a payload. Send `fileId`; the server fills in the rest. */
        FileReference: {
            /** @example file_01jd7x0m8ke9tb3a0r6v5n2w4q */
            fileId: string;
            filename?: string;
            mimeType?: string;
            sha256?: string;
            size?: number;
        } & {
            [key: string]: unknown;
        };
        /**
         * @description How long a worker may take to stop.
         * @default 30000
         */
        Grace: number;
        Health: {
            reason?: string;
            /** @enum {string} */
            status: "ok" | "ready" | "unready";
        };
        /** @example 0f6c3a9e12bd4477 */
        Hex: string;
        Info: {
            key: {
                id: string;
                name: string;
                scopes: components["schemas"]["Scope"][];
            };
            limits: {
                max_batch: number;
                max_batch_bytes: number;
                max_body_bytes: number;
                max_depth: number;
                max_page: number;
                max_payload_bytes: number;
                max_wait_seconds: number;
            };
            project: {
                id: string;
                name: string;
            };
            /** @description Version of the worker protocol. */
            protocol: number;
            version: string;
        };
        /** @description JSON Schema 2020-12 that every input must match. References to other documents are refused. */
        InputSchema: {
            [key: string]: unknown;
        };
        /** @description Any JSON value. */
        JSON: unknown;
        Key: {
            created_at: components["schemas"]["Time"];
            expires_at?: components["schemas"]["Time"];
            id: string;
            last_used_at?: components["schemas"]["Time"];
            last4: string;
            name: string;
            project: string;
            rate_limit?: number;
            revoked_at?: components["schemas"]["Time"];
            scopes: components["schemas"]["Scope"][];
            workflows?: string[];
        };
        KeySpec: {
            /** Format: date-time */
            expires_at?: string;
            name?: string;
            /** @description Name or id; only for keys with the scope admin. */
            project?: string;
            /** @description Requests per second, or a text such as 10/s, 600/m or 3600/h. */
            rate_limit?: number | string;
            scopes: components["schemas"]["Scope"][];
            /** @description Binds a worker key to these workflows. */
            workflows?: string[];
        };
        LinkDecision: {
            /** @description Who decides, as it is shown to people. */
            by?: string;
            comment?: string;
            /** @enum {string} */
            decision: "approve" | "reject";
        };
        ListenedMessage: {
            /** @description The body to pass on as it is. */
            body: string;
            execution_id: components["schemas"]["ExecutionRef"];
            /** @description To pass the message on with: webhook-id, webhook-timestamp, webhook-signature and others. */
            headers: {
                [key: string]: string;
            };
            /** @description The same whenever the stream is read. */
            id: string;
            type: string;
        };
        LogLine: {
            at: components["schemas"]["Time"];
            attempt: number;
            fields?: {
                [key: string]: unknown;
            };
            /** @enum {string} */
            level: "debug" | "info" | "warn" | "error";
            message: string;
            /** @description Absent outside steps. */
            step?: string;
        };
        /** @example evt_01jd7x0m8ke9tb3a0r6v5n2w4q */
        MessageRef: string;
        /**
         * @description Your own labels, to filter by.
         * @example {
         *       "customer": "1138"
         *     }
         */
        Metadata: {
            [key: string]: string;
        };
        NewEndpointSpec: {
            description?: string;
            /** @default true */
            enabled?: boolean;
            events?: components["schemas"]["EndpointEvents"];
            /** @description `whsec_` and base64 of 24 to 64 bytes; without it one is made. */
            secret?: string;
            /** @description An http or https URL. */
            url: string;
            /** @description Names of the only workflows it hears of; null: all. */
            workflows?: string[] | null;
        };
        NewKey: {
            created_at: components["schemas"]["Time"];
            expires_at?: components["schemas"]["Time"];
            id: string;
            /** @description The secret; it is never shown again. */
            key: string;
            last4: string;
            name: string;
            project: string;
            rate_limit?: number;
            scopes: components["schemas"]["Scope"][];
            workflows?: string[];
        };
        NewWebhookEndpoint: {
            created_at: components["schemas"]["Time"];
            description: string;
            /** @description Why it is disabled: `by_request`, or `receiver_gone` when the receiver answered 410. */
            disabled_reason?: string;
            enabled: boolean;
            events: components["schemas"]["EndpointEvents"];
            id: components["schemas"]["EndpointRef"];
            /** @description What receivers verify signatures with. It is not shown again. */
            secret: string;
            /** @description The last characters of the secrets that sign now, the newest first. */
            secret_hints: string[];
            updated_at: components["schemas"]["Time"];
            url: string;
            /** @description The only workflows it hears of; absent: all. */
            workflows?: string[];
        };
        /**
         * @description Which fields belong to which operation:
         *     `step_started` step, try, input_hash ·
         *     `step_completed` step, output, try, duration_ms, input_hash ·
         *     `step_failed` step, try, error, retry, final, duration_ms, input_hash ·
         *     `sleep` step, duration_ms ·
         *     `wait` step, wait, name, timeout_ms, payload ·
         *     `suspend` wake_at ·
         *     `progress` value ·
         *     `log` step, level, message, fields, at ·
         *     `complete` output ·
         *     `fail` error, retry, final ·
         *     `reject` code, message, details ·
         *     `cancelled` and `return` none.
         */
        Operation: {
            /** Format: date-time */
            at?: string;
            code?: string;
            details?: {
                [key: string]: unknown;
            };
            duration_ms?: number;
            error?: components["schemas"]["Failure"];
            fields?: {
                [key: string]: unknown;
            };
            /** @description A retry cannot help. */
            final?: boolean;
            id: components["schemas"]["ExecutionRef"];
            input_hash?: components["schemas"]["Hex"];
            lease: string;
            /** @enum {string} */
            level?: "debug" | "info" | "warn" | "error";
            message?: string;
            /** @description What is waited for; default: the step without its number. */
            name?: string;
            /** @enum {string} */
            op: "step_started" | "step_completed" | "step_failed" | "sleep" | "suspend" | "progress" | "log" | "complete" | "fail" | "reject" | "cancelled" | "return" | "wait";
            /** @description At most 1 MiB; null when left out. */
            output?: components["schemas"]["JSON"];
            /** @description What the approver gets to see. */
            payload?: components["schemas"]["JSON"];
            retry?: components["schemas"]["RetryPolicy"];
            step?: string;
            /** @description 0: only what is there already. */
            timeout_ms?: number;
            try?: number;
            value?: number;
            /** @enum {string} */
            wait?: "signal" | "approval";
            /** Format: date-time */
            wake_at?: string;
        };
        OperationResult: {
            /** @description Why it was refused. */
            code?: string;
            delay_ms?: number;
            /**
             * @description The step had its record already; it stands.
             * @constant
             */
            duplicate?: true;
            ended?: components["schemas"]["WaitEnd"];
            /** @description When an open wait times out. */
            expires_in_ms?: number;
            /**
             * @description No further try follows.
             * @constant
             */
            final?: true;
            message?: string;
            ok: boolean;
            retry_at?: components["schemas"]["Time"];
            /**
             * @description The lease was released; the execution comes back later.
             * @constant
             */
            suspended?: true;
            wake_at?: components["schemas"]["Time"];
        };
        /** @description Steps of this execution that do not run. Each has the given output at once. */
        Overrides: {
            /**
             * @description The name of a step, as it is recorded, and its output.
             * @example {
             *       "extract-text": {
             *         "pages": 2
             *       }
             *     }
             */
            steps?: {
                [key: string]: components["schemas"]["JSON"];
            };
        };
        /** @description Milliseconds within which half and 95 of 100 executions of the sample were done. */
        Percentiles: {
            p50: number;
            p95: number;
        };
        Problem: {
            /** @enum {string} */
            code: "invalid_json" | "invalid_request" | "invalid_progress" | "unauthenticated" | "forbidden" | "api_trigger_disabled" | "not_found" | "session_lost" | "method_not_allowed" | "conflict" | "skipped" | "already_terminal" | "stale_lease" | "cancel_requested" | "step_recorded" | "history_limit" | "invalid_transition" | "nothing_to_wait" | "not_awaiting" | "signal_limit" | "wait_limit" | "not_finished" | "deleted" | "digest_mismatch" | "file_in_use" | "range_not_satisfiable" | "quota_exceeded" | "payload_too_large" | "unsupported_media_type" | "idempotency_mismatch" | "rate_limited" | "backlog_full" | "internal" | "unavailable" | "insufficient_storage";
            /** @description What is wrong and what would be right. */
            detail: string;
            errors?: {
                /** @enum {string} */
                code: "required" | "invalid_type" | "invalid_value" | "out_of_range" | "unknown_field" | "too_long" | "duplicate_key" | "too_deep" | "schema" | "not_found" | "conflict" | "ambiguous";
                /** @description A JSON path such as input.lines[2].qty, or the name of a query parameter or header; empty for the whole body. */
                field: string;
                message: string;
            }[];
            execution_status?: components["schemas"]["Status"];
            request_id?: string;
            status: number;
            title: string;
            /** @description A place in this document that explains the code. */
            type: string;
        };
        Project: {
            created_at: components["schemas"]["Time"];
            id: string;
            name: string;
        };
        /** @description The highest delivery that has arrived; acknowledges all up to it. */
        Received: number;
        /** @description How long finished executions are kept; 0: the server's default. */
        Retention: number;
        RetryPolicy: {
            /** @default 2 */
            coefficient?: number;
            /** @default 1000 */
            initial_interval_ms?: number;
            /** @default 0.2 */
            jitter?: number;
            /** @description Tries in all; default 1, -1: no limit. */
            max_attempts?: number;
            /** @default 300000 */
            max_interval_ms?: number;
        };
        /**
         * @description What a key may do. `admin` may do everything.
         * @enum {string}
         */
        Scope: "executions:start" | "executions:read" | "executions:cancel" | "executions:signal" | "executions:approve" | "executions:manage" | "workflows:read" | "workflows:manage" | "workers:run" | "keys:manage" | "files:read" | "files:write" | "webhooks:manage" | "admin";
        SecretRotation: {
            /**
             * @description How long the old secret signs beside the new one.
             * @default 86400000
             */
            grace_ms?: number;
        };
        Session: {
            heartbeat_ms: number;
            /** @description A worker that cannot reach the server this long must stop what it runs. */
            lease_ms: number;
            max_operations: number;
            max_wait_ms: number;
            protocol: number;
            session_id: string;
            workflows: {
                id: components["schemas"]["WorkflowId"];
                name: string;
                version?: number;
            }[];
        };
        /**
         * @description The session_id that the opening of the session answered.
         * @example sess_01jd7x0m8ke9tb3a0r6v5n2w4q
         */
        SessionRef: string;
        SessionSpec: {
            /** @description How many executions it takes at a time. */
            capacity: number;
            name?: string;
            /** @description Version of the worker protocol: 1. */
            protocol: number;
            sdk?: string;
            /** @description Of the worker's own code. */
            version?: string;
            workflows: components["schemas"]["WorkflowSpec"][];
        };
        SignIn: {
            /**
             * Format: date-time
             * @description When the sign-in ends unless it is used before.
             */
            expires_at: string;
            key: components["schemas"]["Info"]["key"];
            limits: components["schemas"]["Info"]["limits"];
            project: components["schemas"]["Info"]["project"];
            /** @description Version of the worker protocol. */
            protocol: number;
            version: string;
        };
        /** @example extract-invoice */
        Slug: string;
        Start: {
            /** @description An http or https URL that gets one signed message when the execution has ended; see `webhooks`. Addresses inside the server's network are refused. */
            callback_url?: string;
            /** @description How long until it becomes eligible. */
            delay_ms?: number;
            /** @description As the header Idempotency-Key. */
            idempotency_key?: string;
            /** @description What the handler receives. */
            input: {
                [key: string]: unknown;
            };
            metadata?: components["schemas"]["Metadata"];
            overrides?: components["schemas"]["Overrides"];
            /**
             * @description Higher ones are claimed first.
             * @default 0
             */
            priority?: number;
            /** @description Longest time without a worker; when it passes, the execution is rejected. */
            queue_ttl_ms?: number;
            /**
             * Format: date-time
             * @description When it becomes eligible; not together with delay_ms.
             */
            start_at?: string;
            /** @description Wall-clock limit from creation; when it passes, the execution is cancelled. */
            timeout_ms?: number;
            /**
             * @default api
             * @enum {string}
             */
            trigger?: "api" | "cli" | "manual";
            version?: components["schemas"]["VersionRef"];
            /** @description Name or id of the workflow. */
            workflow_id: string;
        };
        /** @description The execution, or only its id when it was deleted since. */
        StartedExecution: components["schemas"]["Execution"] | {
            /** @constant */
            deleted: true;
            id: components["schemas"]["ExecutionRef"];
        };
        StartForm: {
            /** @description A start as JSON; its input may be left out. The part may be called `_json` too. */
            execution: string;
        } & {
            [key: string]: string;
        };
        StatsBucket: {
            at: components["schemas"]["Time"];
            /** @description Of those, how many are in each state now. States that none is in are left out. */
            counts: {
                cancelled?: number;
                completed?: number;
                created?: number;
                failed?: number;
                finalizing?: number;
                pending?: number;
                rejected?: number;
                running?: number;
                waiting?: number;
            };
            queue_ms?: components["schemas"]["Percentiles"];
            run_ms?: components["schemas"]["Percentiles"];
            /** @description Of how many executions the timings of this bucket are. */
            sample?: number;
            /** @description Executions that were created in it. */
            started: number;
        };
        StatsOfWorkflow: {
            buckets: components["schemas"]["StatsBucket"][];
            counts: components["schemas"]["Counts"];
            /** @description False when buckets are shorter than an hour and there are too many executions: an hour's counters are then spread evenly over its buckets. */
            exact: boolean;
            /** @description Since when that execution is ready for a worker that has waited longest. Absent when none waits. */
            oldest_pending_at?: components["schemas"]["Time"];
            /** @description From creation to the first claim, the delay of delayed ones included. */
            queue_ms?: components["schemas"]["Percentiles"];
            /** @description From the first claim to the end, of those of the sample that a worker had claimed. Absent when there are none. */
            run_ms?: components["schemas"]["Percentiles"];
            /** @description How many of the newest executions that have ended the timings are made of. */
            sample: number;
            /** @description There are more than the sample. */
            sampled: boolean;
            /** @description Executions that were created within the time. */
            started: number;
            /** @description Live workers that serve it. */
            workers: number;
            workflow_id: string;
            workflow_name: string;
        };
        /**
         * @description The first five are open, the last four are final.
         * @enum {string}
         */
        Status: "created" | "pending" | "running" | "waiting" | "finalizing" | "completed" | "failed" | "cancelled" | "rejected";
        Step: {
            /** @description Tries so far. */
            attempt: number;
            attempts: {
                attempt: number;
                completed_at?: components["schemas"]["Time"];
                error?: string;
                error_code?: string;
                execution_attempt: number;
                started_at?: components["schemas"]["Time"];
            }[];
            completed_at?: components["schemas"]["Time"];
            error?: string;
            error_code?: string;
            error_details?: {
                [key: string]: unknown;
            };
            id: string;
            /** @description What the approver of an approval gets to see. */
            input?: components["schemas"]["JSON"];
            /** @enum {string} */
            kind: "step" | "sleep" | "signal" | "approval";
            name: string;
            next_attempt_at?: components["schemas"]["Time"];
            /** @description The recorded result; of a signal or an approval that ended, a WaitEnd. */
            output?: components["schemas"]["JSON"];
            /**
             * @description It did not run; its output came with the start.
             * @constant
             */
            overridden?: true;
            started_at?: components["schemas"]["Time"];
            /**
             * @description rejected: an approval that was refused.
             * @enum {string}
             */
            status: "running" | "waiting" | "completed" | "failed" | "cancelled" | "rejected";
            until?: components["schemas"]["Time"];
        };
        StreamEnd: {
            /** @description The execution was deleted before all its events were sent; it has no status then. */
            deleted?: boolean;
            status?: components["schemas"]["Status"];
        };
        System: {
            /** @description How this server's commits went over the last minute. */
            commits: {
                /** @description Starts, reports and other commands, of which a transaction has many under load. */
                commands_per_second: number;
                /** @description Less than a minute after the start of the server. */
                over_ms: number;
                /** @description Within which half of the transactions were on stable storage, at most a quarter too long. Absent when there were none. */
                p50_ms?: number;
                p99_ms?: number;
                /** @description Transactions. */
                per_second: number;
            };
            go_version: string;
            /** @description What waits for workers, in each project, by name. */
            queues: {
                /** @description Since when that execution is ready for a worker that has waited longest. Absent when none waits. */
                oldest_pending_at?: components["schemas"]["Time"];
                /** @description Executions in the state pending. */
                pending: number;
                project: {
                    id: string;
                    name: string;
                };
            }[];
            /** @description The servers that are alive, by name. */
            servers: {
                last_seen_at: components["schemas"]["Time"];
                name: string;
                /** @description It is the one that answers. */
                self: boolean;
                started_at?: components["schemas"]["Time"];
                /** @description Absent when it does not tell, as older servers. */
                version?: string;
            }[];
            started_at: components["schemas"]["Time"];
            /** @description The databases that the data lies in. */
            stores: {
                /** @description That the data takes. Absent when it is not known. */
                bytes?: number;
                /** @enum {string} */
                kind: "sqlite" | "postgres";
                /** @description Its name among several. */
                name?: string;
                schema_version: number;
                /** @description How many of the 1024 shards of executions lie in it. */
                shards: number;
            }[];
            uptime_ms: number;
            /** @description Of the server that answers. */
            version: string;
        };
        /**
         * Format: date-time
         * @example 2026-11-21T23:59:30.123Z
         */
        Time: string;
        /** @enum {string} */
        Trigger: "api" | "cli" | "manual" | "scheduled" | "rerun";
        Version: {
            created_at: components["schemas"]["Time"];
            description?: string;
            id: string;
            input_schema?: components["schemas"]["InputSchema"];
            is_current: boolean;
            label?: string;
            version: number;
            workflow_id: components["schemas"]["WorkflowId"];
        };
        /** @description The author's name for a version. A new label makes a version. */
        VersionLabel: string | number;
        /** @description A version's label or number. */
        VersionRef: string | number;
        /** @description How a wait ended. */
        WaitEnd: {
            /** @description Who decided, as the decider said. */
            by?: string;
            /** @description Of whoever decided. */
            comment?: string;
            /** @enum {string} */
            outcome: "received" | "approved" | "rejected" | "timeout";
            /** @description What came with the signal or the decision. */
            payload?: components["schemas"]["JSON"];
        };
        /** @description Executions of yours of which a wait has ended. Send `wait` again for the waits that you know of. */
        WakeSignals: components["schemas"]["ExecutionRef"][];
        WebhookDelivery: {
            /** @description Only with one delivery. */
            attempt_log?: {
                at: components["schemas"]["Time"];
                duration_ms: number;
                error?: string;
                /** @description How the answer began. */
                response_excerpt?: string;
                /** @description Of the answer; absent when there was none. */
                status?: number;
            }[];
            /** @description Made so far. */
            attempts: number;
            /** @description The body that is sent, exactly; only with one delivery. */
            body?: string;
            created_at: components["schemas"]["Time"];
            delivered_at?: components["schemas"]["Time"];
            endpoint_id?: components["schemas"]["EndpointRef"];
            execution_id?: components["schemas"]["ExecutionRef"];
            id: components["schemas"]["MessageRef"];
            /** @enum {string} */
            kind: "callback" | "endpoint" | "test";
            last_error?: string;
            next_attempt_at?: components["schemas"]["Time"];
            /** @description Of the execution when the message was made. */
            revision?: number;
            /** @enum {string} */
            state: "pending" | "delivered" | "dead" | "cancelled";
            /** @enum {string} */
            type: "execution.created" | "execution.status_changed" | "execution.completed" | "execution.failed" | "execution.cancelled" | "execution.rejected" | "endpoint.test";
            /** @description Where it goes; absent when the execution was redacted. */
            url?: string;
        };
        WebhookEndpoint: {
            created_at: components["schemas"]["Time"];
            description: string;
            /** @description Why it is disabled: `by_request`, or `receiver_gone` when the receiver answered 410. */
            disabled_reason?: string;
            enabled: boolean;
            events: components["schemas"]["EndpointEvents"];
            id: components["schemas"]["EndpointRef"];
            /** @description The last characters of the secrets that sign now, the newest first. */
            secret_hints: string[];
            updated_at: components["schemas"]["Time"];
            url: string;
            /** @description The only workflows it hears of; absent: all. */
            workflows?: string[];
        };
        Worker: {
            capacity: number;
            draining: boolean;
            expires_at: components["schemas"]["Time"];
            held: number;
            id: string;
            last_seen_at: components["schemas"]["Time"];
            name: string;
            sdk?: string;
            version?: string;
            workflows: string[];
        };
        Workflow: {
            api_trigger: components["schemas"]["APITrigger"];
            created_at: components["schemas"]["Time"];
            description?: string;
            id: components["schemas"]["WorkflowId"];
            input_schema?: components["schemas"]["InputSchema"];
            name: string;
            /** @description Absent for the server's default. */
            retention_ms?: number;
            /** @description Absent for none. */
            timeout_ms?: number;
            updated_at: components["schemas"]["Time"];
            /** @description Number of the current version; absent when there is none. */
            version?: number;
            version_label?: string;
            /** @description Live worker sessions that serve it. */
            workers: number;
        };
        /** @example wf_01jd7x0m8ke9tb3a0r6v5n2w4q */
        WorkflowId: string;
        WorkflowSpec: {
            api_trigger?: components["schemas"]["APITrigger"];
            description?: string;
            input_schema?: components["schemas"]["InputSchema"];
            name: components["schemas"]["Slug"];
            retention_ms?: components["schemas"]["Retention"];
            timeout_ms?: components["schemas"]["WorkflowTimeout"];
            version?: components["schemas"]["VersionLabel"];
        };
        WorkflowStats: {
            /** @description How long a bucket is. */
            bucket_ms: number;
            buckets: components["schemas"]["StatsBucket"][];
            counts: components["schemas"]["Counts"];
            /** @description False when buckets are shorter than an hour and there are too many executions: an hour's counters are then spread evenly over its buckets. */
            exact: boolean;
            /** @description Beginning of the first bucket. */
            from: components["schemas"]["Time"];
            /** @description Since when that execution is ready for a worker that has waited longest. Absent when none waits. */
            oldest_pending_at?: components["schemas"]["Time"];
            /** @description From creation to the first claim, the delay of delayed ones included. */
            queue_ms?: components["schemas"]["Percentiles"];
            /** @description From the first claim to the end, of those of the sample that a worker had claimed. Absent when there are none. */
            run_ms?: components["schemas"]["Percentiles"];
            /** @description How many of the newest executions that have ended the timings are made of. */
            sample: number;
            /** @description There are more than the sample. */
            sampled: boolean;
            /** @description Executions that were created within the time. */
            started: number;
            /** @description End of the last bucket. */
            to: components["schemas"]["Time"];
            /** @description Live workers that serve it. */
            workers: number;
            workflow_id: string;
            workflow_name: string;
        };
        /** @description Default deadline of executions; 0: none. */
        WorkflowTimeout: number;
    };
    responses: {
        /** @description `invalid_json` or `invalid_request`; `errors` says what is wrong with which field. */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `already_terminal`, `not_finished`, `conflict`, `stale_lease` or `file_in_use`. `execution_status` is the state that was in the way. */
        Conflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `forbidden`: the request comes from a page of another origin. */
        CrossOrigin: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `deleted`: the execution was deleted. */
        Deleted: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Done. */
        Done: {
            headers: {
                [name: string]: unknown;
            };
            content?: never;
        };
        /** @description The stream, or a page. */
        Events: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["EventPage"];
                /**
                 * @example id: 2
                 *     event: claimed
                 *     data: {"revision":2,"type":"claimed","at":"2026-11-21T23:59:30.123Z","actor":{"type":"worker"},"attempt":1,"execution_id":"exec_01jd7x0m8ke9tb3a0r6v5n2w4q","status":"running"}
                 */
                "text/event-stream": string;
            };
        };
        /** @description `forbidden`: the key lacks the scope that `detail` names, or is bound to other workflows. `api_trigger_disabled`: the workflow is closed to starts through the API. */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `idempotency_mismatch`: the key was used for a request with another body. */
        IdempotencyMismatch: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `insufficient_storage`: the server's disk is nearly full. What runs still finishes. `quota_exceeded`: the project's files have no more room. */
        InsufficientStorage: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `internal`: the server's log has the cause under `request_id`. */
        Internal: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `not_found`: there is no such thing in the key's project. */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `payload_too_large`. */
        PayloadTooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `session_lost`: the session has ended or is unknown. Open a new one and drop everything held. */
        SessionLost: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unauthenticated`: nobody is signed in, or the key is malformed, unknown, expired or revoked. */
        SignedOut: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `rate_limited`: the key's rate is exceeded. `backlog_full`: the project has too many open executions. */
        TooManyRequests: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unauthenticated`: the key is missing, malformed, unknown, expired or revoked. */
        Unauthenticated: {
            headers: {
                /** @description Bearer. */
                "WWW-Authenticate"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unavailable`: the server is stopping, or does not know the outcome. Repeat with the same Idempotency-Key. */
        Unavailable: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unsupported_media_type`: the body is compressed or calls itself something else than JSON in UTF-8. */
        UnsupportedMediaType: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `conflict`: the project has as many endpoints as it may, or the delivery cannot go out again. */
        WebhookConflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: {
        /**
         * @description Created at or after this: a date, a date-time, or `now()` and shifts such as `now()-7d` (units s m h d w).
         * @example now()-7d
         */
        CreatedFrom: string;
        /** @description Created at or before this, written as `created_from`; a bare date means its end. */
        CreatedTo: string;
        /** @description `next_cursor` of the page before; empty for the first page. */
        Cursor: string;
        /** @example evt_01jd7x0m8ke9tb3a0r6v5n2w4q */
        DeliveryId: string;
        /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
        EndpointId: string;
        /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
        ExecutionId: string;
        /** @example file_01jd7x0m8ke9tb3a0r6v5n2w4q */
        FileId: string;
        /** @description The id of an execution that the worker holds, a space, and its lease. */
        Holding: string;
        /** @description The id of the last event that you have, as browsers send it when they come back. */
        LastEventId: string;
        Limit: number;
        /** @example sess_01jd7x0m8ke9tb3a0r6v5n2w4q */
        SessionId: string;
        /**
         * @description Executions that were created at or after this: a date, a date-time, or `now()` and shifts such as `now()-7d` (units
         *     s m h d w). At most 92 days before `to`. It is moved back to where a bucket begins.
         * @example now()-7d
         */
        StatsFrom: string;
        /** @description Executions that were created before this. It is moved on to where a bucket ends. */
        StatsTo: string;
        /** @description What a hold waits for: the end, or with `actionable` also the moment when a signal or an approval is awaited and nothing else goes on. */
        Until: "terminal" | "actionable";
        /** @description Hold the answer until the execution has ended, at most this many seconds. */
        Wait: number;
        /** @description Name or id of a workflow, also of a deleted one. */
        WorkflowFilter: string;
        /**
         * @description Name or id.
         * @example extract-invoice
         */
        WorkflowRef: string;
    };
    requestBodies: never;
    headers: {
        /** @description When the key may be used for another request. */
        IdempotencyKeyExpires: string;
        /** @description Where it is. */
        Location: string;
        /** @description The id of this request. */
        RequestId: string;
        /** @description Whole seconds after which a repeat may succeed. */
        RetryAfter: number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    showApproval: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Of an approval link.
                 * @example sjn_apr_3jXo5Yk0aGq8mVw1RtZbC7LdHn2PsEf4UiKy6TxMvQ9
                 */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What is to be decided. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Approval"];
                    "text/html": string;
                };
            };
            400: components["responses"]["BadRequest"];
            /** @description The link is not valid, or not any more. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                    "text/html": string;
                };
            };
            500: components["responses"]["Internal"];
        };
    };
    decideByLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Of an approval link.
                 * @example sjn_apr_3jXo5Yk0aGq8mVw1RtZbC7LdHn2PsEf4UiKy6TxMvQ9
                 */
                token: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LinkDecision"];
                "application/x-www-form-urlencoded": components["schemas"]["LinkDecision"];
            };
        };
        responses: {
            /** @description It is decided. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        decision: "approved" | "rejected";
                        execution_id: components["schemas"]["ExecutionRef"];
                        name: string;
                        workflow?: string;
                    };
                    "text/html": string;
                };
            };
            /** @description The decision cannot be read. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                    "text/html": string;
                };
            };
            /** @description The link is not valid, or not any more. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                    "text/html": string;
                };
            };
            /** @description Nobody has asked for the decision yet; the link stays good. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                    "text/html": string;
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                    "text/html": string;
                };
            };
            /** @description The body is neither a form nor JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                    "text/html": string;
                };
            };
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    docs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It does. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Prometheus text format. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenAPI 3.1. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Yes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description Not now. */
            503: {
                headers: {
                    "Retry-After": components["headers"]["RetryAfter"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who is signed in, and until when unless the cookie is used before. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignIn"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["SignedOut"];
            403: components["responses"]["CrossOrigin"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    api_key: string;
                };
            };
        };
        responses: {
            /** @description Who is signed in, and until when unless the cookie is used before. */
            200: {
                headers: {
                    /** @description The cookie `__Host-sojourn`. */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignIn"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["SignedOut"];
            403: components["responses"]["CrossOrigin"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    signOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nobody is signed in. */
            204: {
                headers: {
                    /** @description Ends the cookie `__Host-sojourn`. */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            403: components["responses"]["CrossOrigin"];
            500: components["responses"]["Internal"];
        };
    };
    followProject: {
        parameters: {
            query?: {
                /** @description The id of the last event that you have. Last-Event-ID goes before it. */
                after?: string;
                /**
                 * @description Only events of these kinds, separated by commas: values of `type`.
                 * @example completed,failed
                 */
                kinds?: string;
                /** @description Only executions of this workflow, by name or id. Can be given several times. */
                workflow_id?: string[];
            };
            header?: {
                /** @description The id of the last event that you have, as browsers send it when they come back. */
                "Last-Event-ID"?: components["parameters"]["LastEventId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Events"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    listExecutions: {
        parameters: {
            query?: {
                /**
                 * @description What it waits for now: `approval` or `signal`, and after a colon the name of the wait if you like, such as
                 *     `approval:manager`.
                 * @example approval
                 */
                awaiting?: string;
                /**
                 * @description Created at or after this: a date, a date-time, or `now()` and shifts such as `now()-7d` (units s m h d w).
                 * @example now()-7d
                 */
                created_from?: components["parameters"]["CreatedFrom"];
                /** @description Created at or before this, written as `created_from`; a bare date means its end. */
                created_to?: components["parameters"]["CreatedTo"];
                /** @description `next_cursor` of the page before; empty for the first page. */
                cursor?: components["parameters"]["Cursor"];
                /** @description `counts` adds how many executions of the same workflow and dates there are in each state. */
                include?: "counts";
                limit?: components["parameters"]["Limit"];
                /** @description `metadata[key]=value`, as often as there are keys. */
                metadata?: {
                    [key: string]: string;
                };
                /** @description One or more states, separated by commas. */
                status?: components["schemas"]["Status"][];
                /** @description A text that the input holds. ASCII letters match in either case. */
                text?: string;
                /** @description What started it, one or more separated by commas. */
                trigger?: components["schemas"]["Trigger"][];
                /** @description Name or id of a workflow, also of a deleted one. */
                workflow_id?: components["parameters"]["WorkflowFilter"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExecutionPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    startExecution: {
        parameters: {
            query?: {
                /** @description `steps` shows the steps too. */
                include?: "steps";
                /** @description What a hold waits for: the end, or with `actionable` also the moment when a signal or an approval is awaited and nothing else goes on. */
                until?: components["parameters"]["Until"];
                /** @description Hold the answer until the execution has ended, at most this many seconds. */
                wait?: components["parameters"]["Wait"];
            };
            header?: {
                /**
                 * @description Names this start, 1 to 255 characters. It is kept for 30 days. It may stand in the body instead.
                 * @example order-1138
                 */
                "Idempotency-Key"?: string;
                /** @description W3C trace context, handed to the worker so that its steps join the trace. */
                traceparent?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Start"];
                "multipart/form-data": components["schemas"]["StartForm"];
            };
        };
        responses: {
            /** @description The key was used before. This is the first execution, as it is now. */
            200: {
                headers: {
                    "Idempotency-Key-Expires": components["headers"]["IdempotencyKeyExpires"];
                    /** @description Always true. */
                    "Idempotent-Replay"?: "true";
                    Location: components["headers"]["Location"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StartedExecution"];
                };
            };
            /** @description A new execution. */
            201: {
                headers: {
                    "Idempotency-Key-Expires": components["headers"]["IdempotencyKeyExpires"];
                    Location: components["headers"]["Location"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyMismatch"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            507: components["responses"]["InsufficientStorage"];
        };
    };
    getExecution: {
        parameters: {
            query?: {
                /** @description `steps`, `events` or both. */
                include?: ("steps" | "events")[];
                /** @description What a hold waits for: the end, or with `actionable` also the moment when a signal or an approval is awaited and nothing else goes on. */
                until?: components["parameters"]["Until"];
                /** @description Hold the answer until the execution has ended, at most this many seconds. */
                wait?: components["parameters"]["Wait"];
            };
            header?: {
                /** @description An `ETag` that you have; when nothing changed the answer is 304. */
                "If-None-Match"?: string;
            };
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The execution. */
            200: {
                headers: {
                    /** @description Changes with the revision and with the reason of its state. */
                    ETag?: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description Unchanged. */
            304: {
                headers: {
                    /** @description The same as you have. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Deleted"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    deleteExecution: {
        parameters: {
            query?: {
                mode?: "delete" | "redact";
            };
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Deleted"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    createApprovalLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    /** @default 604800000 */
                    expires_in_ms?: number;
                    /** @description Of the execution, as the worker has it. */
                    lease?: string;
                    /** @description Of the approval; may be left out when one alone is awaited. */
                    name?: string;
                    /** @description The one wait that is meant, such as manager#2; default: the oldest that is awaited under the name, otherwise the step of that name. */
                    step?: string;
                };
            };
        };
        responses: {
            /** @description The link. Whoever has it may decide. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApprovalLink"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Deleted"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    approveExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Decision"];
            };
        };
        responses: {
            /** @description It is approved. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Deleted"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    cancelExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    grace_ms?: components["schemas"]["Grace"];
                    /** @description In your words; kept with the event. */
                    reason?: string;
                };
            };
        };
        responses: {
            /** @description It is cancelled. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description It was asked to stop. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Deleted"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    followExecution: {
        parameters: {
            query?: {
                /** @description The revision of the last event that you have. Last-Event-ID goes before it. */
                after?: number;
            };
            header?: {
                /** @description The id of the last event that you have, as browsers send it when they come back. */
                "Last-Event-ID"?: components["parameters"]["LastEventId"];
            };
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Events"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Deleted"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    getExecutionLogs: {
        parameters: {
            query?: {
                /** @description Only lines of this attempt of the execution. */
                attempt?: number;
                /** @description `next_cursor` of the page before; empty for the first page. */
                cursor?: components["parameters"]["Cursor"];
                limit?: number;
                /** @description Only lines of this step; empty for those outside steps. */
                step?: string;
            };
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of lines. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["LogLine"][];
                        has_more: boolean;
                        next_cursor: string | null;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Deleted"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    rejectExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Decision"];
            };
        };
        responses: {
            /** @description It is rejected; the handler is told. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Deleted"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    signalExecution: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names this signal, 1 to 255 characters. A repeat among the execution's last 64 signals with a key does nothing, also when it has ended.
                 * @example payment-7
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
                /**
                 * @description What the execution waits for, as its handler names it.
                 * @example payment
                 */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    /** @description What the handler gets. */
                    payload?: components["schemas"]["JSON"];
                };
            };
        };
        responses: {
            /** @description The key was used before; nothing was done. */
            200: {
                headers: {
                    /** @description Always true. */
                    "Idempotent-Replay"?: "true";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            /** @description It is on stable storage. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Deleted"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    terminateExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example exec_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["ExecutionId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    reason?: string;
                };
            };
        };
        responses: {
            /** @description It is cancelled. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Deleted"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    startExecutions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    executions: components["schemas"]["Start"][];
                };
            };
        };
        responses: {
            /** @description One result for each start, in their order. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        results: {
                            error?: components["schemas"]["Problem"];
                            execution?: components["schemas"]["StartedExecution"];
                            /** @description 201 for a new execution, 200 for a key that was used before, otherwise the status of the error. */
                            status: number;
                        }[];
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    cancelExecutions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BulkCancel"];
            };
        };
        responses: {
            /** @description What became of those that matched. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description Ended by themselves in between. */
                        already_terminal: number;
                        /** @description Cancelled at once. */
                        cancelled: number;
                        has_more: boolean;
                        /** @description Executions that the filter matched and nobody had asked to stop before. */
                        matched: number;
                        /** @description Asked to stop; their workers were told. */
                        requested: number;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    countExecutions: {
        parameters: {
            query?: {
                /**
                 * @description Created at or after this: a date, a date-time, or `now()` and shifts such as `now()-7d` (units s m h d w).
                 * @example now()-7d
                 */
                created_from?: components["parameters"]["CreatedFrom"];
                /** @description Created at or before this, written as `created_from`; a bare date means its end. */
                created_to?: components["parameters"]["CreatedTo"];
                /** @description Name or id of a workflow, also of a deleted one. */
                workflow_id?: components["parameters"]["WorkflowFilter"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The counts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        counts: components["schemas"]["Counts"];
                        /** @description False when the dates cut an hour with more executions than are counted one by one; that hour is then counted whole. */
                        exact: boolean;
                        total: number;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    listFiles: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before; empty for the first page. */
                cursor?: components["parameters"]["Cursor"];
                /** @description Only files that this execution refers to. */
                execution_id?: string;
                limit?: components["parameters"]["Limit"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["File"][];
                        has_more: boolean;
                        next_cursor: string | null;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Deleted"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    uploadFile: {
        parameters: {
            query?: {
                /** @description What the file is called; directories in it are dropped. A form or a Content-Disposition can tell it too. */
                filename?: string;
            };
            header?: {
                /** @description `sha-256=:base64:`. A file that arrives otherwise is refused. `Digest` is understood too. */
                "Content-Digest"?: string;
                /** @description The id of an execution that the worker holds, a space, and its lease. */
                "Sojourn-Lease"?: components["parameters"]["Holding"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "*/*": string;
                "multipart/form-data": {
                    /** Format: binary */
                    file: string;
                };
            };
        };
        responses: {
            /** @description The file. */
            201: {
                headers: {
                    Location: components["headers"]["Location"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["File"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            507: components["responses"]["InsufficientStorage"];
        };
    };
    getFile: {
        parameters: {
            query?: never;
            header?: {
                /** @description The id of an execution that the worker holds, a space, and its lease. */
                "Sojourn-Lease"?: components["parameters"]["Holding"];
            };
            path: {
                /** @example file_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["FileId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["File"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    deleteFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example file_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["FileId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    downloadFile: {
        parameters: {
            query?: never;
            header?: {
                /** @description `bytes=first-last`. */
                Range?: string;
                /** @description The id of an execution that the worker holds, a space, and its lease. */
                "Sojourn-Lease"?: components["parameters"]["Holding"];
            };
            path: {
                /** @example file_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["FileId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The whole file. */
            200: {
                headers: {
                    /** @description `attachment`, with the file's name. */
                    "Content-Disposition"?: string;
                    /** @description The SHA-256 in hex. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "*/*": string;
                };
            };
            /** @description The range. */
            206: {
                headers: {
                    /** @description Which bytes these are. */
                    "Content-Range"?: string;
                    /** @description The SHA-256 of the whole file in hex. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "*/*": string;
                };
            };
            /** @description The file is the one whose ETag was sent in If-None-Match. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            /** @description `range_not_satisfiable`: nothing of the range is in the file. */
            416: {
                headers: {
                    /** @description How long the file is. */
                    "Content-Range"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getInfo: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The server, the key and its project, and the limits. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Info"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    listKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The keys, without their secrets. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Key"][];
                        /** @constant */
                        has_more: false;
                        next_cursor: null;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    createKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeySpec"];
            };
        };
        responses: {
            /** @description The key. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewKey"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    revokeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example key_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listProjects: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All projects. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Project"][];
                        /** @constant */
                        has_more: false;
                        next_cursor: null;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    createProject: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: components["schemas"]["Slug"];
                };
            };
        };
        responses: {
            /** @description The project. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listStats: {
        parameters: {
            query?: {
                /**
                 * @description About how many parts the time is divided into. A part is as long as a round part of an hour, or whole hours, or,
                 *     when the time is longer than a week, whole days of UTC.
                 */
                buckets?: number;
                /** @description `next_cursor` of the page before; empty for the first page. */
                cursor?: components["parameters"]["Cursor"];
                /**
                 * @description Executions that were created at or after this: a date, a date-time, or `now()` and shifts such as `now()-7d` (units
                 *     s m h d w). At most 92 days before `to`. It is moved back to where a bucket begins.
                 * @example now()-7d
                 */
                from?: components["parameters"]["StatsFrom"];
                limit?: components["parameters"]["Limit"];
                /** @description The exact name. */
                name?: string;
                /** @description A part of the name. */
                search?: string;
                /** @description Executions that were created before this. It is moved on to where a bucket ends. */
                to?: components["parameters"]["StatsTo"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description How long a bucket is. */
                        bucket_ms: number;
                        data: components["schemas"]["StatsOfWorkflow"][];
                        from: components["schemas"]["Time"];
                        has_more: boolean;
                        next_cursor: string | null;
                        to: components["schemas"]["Time"];
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    getSystem: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The servers that are alive, the databases, this server's commits, and what waits for workers. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["System"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    getCallbackSecret: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One secret, or two after a rotation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallbackSecrets"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    rotateCallbackSecret: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["SecretRotation"];
            };
        };
        responses: {
            /** @description The secrets, the new one first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallbackSecrets"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listDeliveries: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only those to this endpoint, also a deleted one. */
                endpoint_id?: components["schemas"]["EndpointRef"];
                /** @description Only those about this execution. */
                execution_id?: components["schemas"]["ExecutionRef"];
                limit?: number;
                /** @description One or more of `pending`, `delivered`, `dead` and `cancelled`, with commas between them. */
                state?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of deliveries. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["WebhookDelivery"][];
                        has_more: boolean;
                        next_cursor: string | null;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    getDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example evt_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["DeliveryId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The delivery. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    redeliver: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example evt_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["DeliveryId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description The delivery, waiting for its attempt. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["WebhookConflict"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listEndpoints: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All endpoints of the project. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["WebhookEndpoint"][];
                        has_more: boolean;
                        next_cursor: string | null;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    createEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewEndpointSpec"];
            };
        };
        responses: {
            /** @description The endpoint with its secret. */
            201: {
                headers: {
                    /** @description Path of the endpoint. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewWebhookEndpoint"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["WebhookConflict"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["EndpointId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The endpoint. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    deleteEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["EndpointId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["EndpointId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EndpointUpdate"];
            };
        };
        responses: {
            /** @description The endpoint as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    rotateEndpointSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["EndpointId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["SecretRotation"];
            };
        };
        responses: {
            /** @description The endpoint with its new secret. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewWebhookEndpoint"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    testEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example wh_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["EndpointId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description The delivery, before its attempt. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listen: {
        parameters: {
            query?: {
                /** @description The id of the last event that you have. Last-Event-ID goes before it. */
                after?: string;
                /**
                 * @description Which messages, separated by commas: created, status_changed, terminal. All when it is left out.
                 * @example created,terminal
                 */
                events?: string;
                /** @description Only executions of this workflow, by name or id. Can be given several times. */
                workflow_id?: string[];
            };
            header?: {
                /** @description The id of the last event that you have, as browsers send it when they come back. */
                "Last-Event-ID"?: components["parameters"]["LastEventId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream, or a page. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ListenedMessage"][];
                        /** @description There may be more already. */
                        has_more: boolean;
                        /** @description What to give as after to go on. */
                        last_id: string;
                        /** @description As the event of that name in a stream. */
                        reset?: boolean;
                        secret: string;
                    };
                    /**
                     * @example event: ready
                     *     data: {"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
                     */
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    heartbeat: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    digest: components["schemas"]["Hex"];
                    /** @description How many executions the worker holds. */
                    held: number;
                    leases?: string[];
                    received?: components["schemas"]["Received"];
                    session_id: components["schemas"]["SessionRef"];
                };
            };
        };
        responses: {
            /** @description The session lives on. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        cancel?: components["schemas"]["CancelSignals"];
                        drop?: components["schemas"]["DropSignals"];
                        /** @description Without another heartbeat the session ends after this time. */
                        expires_in_ms: number;
                        /** @description Send the leases with another heartbeat at once. */
                        reconcile?: boolean;
                        wake?: components["schemas"]["WakeSignals"];
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["SessionLost"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    poll: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Most executions wanted; default: what the capacity leaves. */
                    max?: number;
                    received?: components["schemas"]["Received"];
                    session_id: components["schemas"]["SessionRef"];
                    /** @default 30000 */
                    wait_ms?: number;
                };
            };
        };
        responses: {
            /** @description A delivery, possibly empty. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivery"];
                };
            };
            /** @description The server is shutting down and hands out nothing; the connection is closed. Poll again, on a new one. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["SessionLost"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    report: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    operations: components["schemas"]["Operation"][];
                    received?: components["schemas"]["Received"];
                    session_id: components["schemas"]["SessionRef"];
                };
            };
        };
        responses: {
            /** @description One result for each operation, in their order. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        cancel?: components["schemas"]["CancelSignals"];
                        drop?: components["schemas"]["DropSignals"];
                        results: components["schemas"]["OperationResult"][];
                        wake?: components["schemas"]["WakeSignals"];
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["SessionLost"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    openSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SessionSpec"];
            };
        };
        responses: {
            /** @description The session. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    closeSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example sess_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["SessionLost"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    drainSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example sess_01jd7x0m8ke9tb3a0r6v5n2w4q */
                id: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["SessionLost"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listWorkers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The worker sessions of the project, oldest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Worker"][];
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    listWorkflows: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before; empty for the first page. */
                cursor?: components["parameters"]["Cursor"];
                limit?: components["parameters"]["Limit"];
                /** @description The exact name. */
                name?: string;
                /** @description A part of the name. */
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Workflow"][];
                        has_more: boolean;
                        next_cursor: string | null;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    createWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WorkflowSpec"];
            };
        };
        responses: {
            /** @description The workflow. */
            201: {
                headers: {
                    Location: components["headers"]["Location"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workflow"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The workflow. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workflow"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    deleteWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    api_trigger?: components["schemas"]["APITrigger"];
                    retention_ms?: components["schemas"]["Retention"];
                    timeout_ms?: components["schemas"]["WorkflowTimeout"];
                };
            };
        };
        responses: {
            /** @description The workflow. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workflow"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getWorkflowStats: {
        parameters: {
            query?: {
                /**
                 * @description About how many parts the time is divided into. A part is as long as a round part of an hour, or whole hours, or,
                 *     when the time is longer than a week, whole days of UTC.
                 */
                buckets?: number;
                /**
                 * @description Executions that were created at or after this: a date, a date-time, or `now()` and shifts such as `now()-7d` (units
                 *     s m h d w). At most 92 days before `to`. It is moved back to where a bucket begins.
                 * @example now()-7d
                 */
                from?: components["parameters"]["StatsFrom"];
                /** @description Executions that were created before this. It is moved on to where a bucket ends. */
                to?: components["parameters"]["StatsTo"];
            };
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The statistics, with timings in each bucket. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkflowStats"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    listVersions: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before; empty for the first page. */
                cursor?: components["parameters"]["Cursor"];
                limit?: components["parameters"]["Limit"];
            };
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Version"][];
                        has_more: boolean;
                        next_cursor: string | null;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
        };
    };
    createVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @description Whether starts use it from now on.
                     * @default true
                     */
                    current?: boolean;
                    description?: string;
                    input_schema?: components["schemas"]["InputSchema"];
                    version?: components["schemas"]["VersionLabel"];
                };
            };
        };
        responses: {
            /** @description The version. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Version"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    setCurrentVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name or id.
                 * @example extract-invoice
                 */
                workflow: components["parameters"]["WorkflowRef"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    version: components["schemas"]["VersionRef"];
                };
            };
        };
        responses: {
            /** @description The version. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Version"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
}
