// Runs beside the Node SDK (`make test-sdk`):
// node drive.js <host:port> <key id> <secret> <collection> <folder of PNG pictures>
const fs = require('fs');
const path = require('path');
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const sdk = require('@alicloud/imagesearch20201214');

async function main([host, accessKeyId, accessKeySecret, instanceName, folder]) {
  const client = new sdk.default(new $OpenApiUtil.Config({
    accessKeyId, accessKeySecret, endpoint: host, protocol: 'HTTP',
  }));
  const pictures = fs.readdirSync(folder).filter((name) => name.endsWith('.png')).sort()
    .map((name) => fs.readFileSync(path.join(folder, name)).toString('base64'));
  for (const [number, picContent] of pictures.entries()) {
    await client.addImage(new sdk.AddImageRequest({
      instanceName, picContent, productId: `node-${number}`, picName: `上衣 ${number}+*.png`,
      intAttr: number, strAttr: '',
    }));
  }
  const found = await client.searchImageByPic(new sdk.SearchImageByPicRequest({
    instanceName, picContent: pictures[1], num: 2, crop: true, scoreThreshold: '0.00',
  }));
  for (const number of pictures.keys()) {
    const productId = `node-${number}`;
    await client.deleteImage(new sdk.DeleteImageRequest({ instanceName, productId }));
  }
  const detail = await client.detail(new sdk.DetailRequest({ instanceName }));
  console.log(JSON.stringify({
    found: found.body.auctions.map((hit) => hit.productId),
    sort: found.body.auctions[0].sortExprValues,
    left: detail.body.instance.totalCount,
  }));
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
