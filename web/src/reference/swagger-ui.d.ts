declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  /** Draw the description in a page; https://swagger.io/docs/open-source-tools/swagger-ui/usage/configuration/ */
  export default function SwaggerUIBundle(settings: {
    url: string;
    dom_id: string;
    deepLinking?: boolean;
    validatorUrl?: string | null;
  }): unknown;
}
