//! The table of routes: a router that knows its paths, so that the document can be held against it.

use axum::Router;
use axum::routing::MethodRouter;

use crate::state::ApiState;

/// Routes in the making.
pub(crate) struct Table {
    router: Router<ApiState>,
    paths: Vec<&'static str>,
}

impl Table {
    /// No routes yet.
    pub(crate) fn new() -> Self {
        Self {
            router: Router::new(),
            paths: Vec::new(),
        }
    }

    /// With the methods of one path.
    pub(crate) fn route(mut self, path: &'static str, methods: MethodRouter<ApiState>) -> Self {
        self.paths.push(path);
        self.router = self.router.route(path, methods);
        self
    }

    /// With a path that has a colon, under each way in which clients write it.
    pub(crate) fn colon(mut self, path: &'static str, methods: &MethodRouter<ApiState>) -> Self {
        for written in ["%3A", "%3a"] {
            self.router = self.router.route(&path.replace(':', written), methods.clone());
        }
        self.route(path, methods.clone())
    }

    /// With what can be done by `path:verb`, which the handler of POST at `path` tells apart.
    pub(crate) fn verbs(mut self, paths: &[&'static str]) -> Self {
        self.paths.extend(paths);
        self
    }

    /// With the handler of [verbs](Self::verbs) at a path that is none without them.
    pub(crate) fn only_verbs(mut self, path: &'static str, methods: MethodRouter<ApiState>) -> Self {
        self.router = self.router.route(path, methods);
        self
    }

    /// The paths, as templates.
    pub(crate) fn paths(&self) -> &[&'static str] {
        &self.paths
    }

    /// The routes.
    pub(crate) fn into_router(self) -> Router<ApiState> {
        self.router
    }
}
