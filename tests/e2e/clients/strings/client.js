// node-soap: see README.md.
const fs = require("fs");
const soap = require("soap");

const [wsdlUrl, secret, file] = process.argv.slice(2);
const message = fs.readFileSync(file, "utf8");

async function main() {
  const client = await soap.createClientAsync(wsdlUrl);
  const [answer] = await client.PushProcessAsync({ ValidateData: secret, ParasXml: message });
  const value = Object.values(answer)[0];
  console.log(`reply=${value.$value ?? value}`);
  await client.PushProcessAsync({ ValidateData: "wrong", ParasXml: message }).catch((error) => {
    console.log(`fault=${error.root.Envelope.Body.Fault.faultstring}`);
  });
}

main();
