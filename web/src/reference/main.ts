/** The description of the HTTP interface (`/openapi.json`), to read and to try. */

import "swagger-ui-dist/swagger-ui.css";

import SwaggerUIBundle from "swagger-ui-dist/swagger-ui-es-bundle.js";

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null, // another's server
});
