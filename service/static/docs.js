// Relative, so that it works behind a proxy that adds a prefix.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
